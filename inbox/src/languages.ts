/** Languages by their names, in the reader's own. */

/** Those that a form offers. */
export const OFFERED = "ar de en es fr hi it ja ko nl pl pt ru sv tr uk zh".split(" ");

export function languageName(code: string, reader: string): string {
  try {
    return new Intl.DisplayNames(reader, { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** Return what a form offers, with what is chosen. */
export function offeredWith(code: string | null | undefined): readonly string[] {
  return code && !OFFERED.includes(code) ? [code, ...OFFERED] : OFFERED;
}
