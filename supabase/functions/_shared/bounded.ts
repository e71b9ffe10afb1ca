const MAX_DEPTH = 6;
const MAX_PARTS = 30;
const MAX_CHARS = 1024;
const MAX_TOTAL_CHARS = 8 * 1024;

/** A copy of what a payload says that is small enough to be kept with its message; undefined for nothing. */
export function bounded(value: unknown): unknown {
  const copy = cut(value, MAX_DEPTH);
  return JSON.stringify(copy ?? null).length > MAX_TOTAL_CHARS ? { too_large: true } : copy;
}

function cut(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.slice(0, MAX_CHARS).toWellFormed();
  if (typeof value !== "object" || value === null) return value ?? undefined;
  if (depth === 0) return undefined;
  if (Array.isArray(value)) {
    return value.slice(0, MAX_PARTS).map((part) => cut(part, depth - 1));
  }
  const entries = Object.entries(value).slice(0, MAX_PARTS)
    .map(([key, part]) => [key.slice(0, MAX_CHARS), cut(part, depth - 1)]);
  return Object.fromEntries(entries);
}
