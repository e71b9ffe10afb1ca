/** Sizes of files as people say them. */

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

export function inBytes(size: number, language: string): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(size, 1)) / 3));
  const options = {
    style: "unit",
    unit: UNITS[power]!,
    unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: power > 1 ? 1 : 0,
  } as const;
  return new Intl.NumberFormat(language, options).format(size / 1_000 ** power);
}
