// Reading what others wrote: nothing is where it should be, or of the type that it should have. These
// never throw; what is not there is undefined, or empty.

export type Fields = Readonly<Record<string, unknown>>;

const MAX_ID_CHARS = 255;

export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : {};
}

/** The objects in a list; what else is in it is left out. */
export function objects(value: unknown): Fields[] {
  return list(value).filter((element) => typeof element === "object" && element !== null)
    .map(fields);
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text that says something; a number counts as its digits. */
export function text(value: unknown): string | undefined {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** A text of at most `length` characters: names and the like, which nobody bounds. */
export function short(value: unknown, length = 200): string | undefined {
  return text(value)?.slice(0, length).toWellFormed();
}

/** An id, as a text; a number that JavaScript cannot hold exactly is none. */
export function id(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  const found = text(value)?.trim();
  return found && found.length <= MAX_ID_CHARS ? found : undefined;
}

/** A copy without the parts that are not there; nothing, where none is. */
export function present<Part extends object>(part: Part): Part | undefined {
  const entries = Object.entries(part).filter(([, value]) => value !== undefined);
  return entries.length ? Object.fromEntries(entries) as Part : undefined;
}
