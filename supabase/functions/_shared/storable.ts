const MAX_DEPTH = 64;

/** Return a copy that Postgres can store: no NUL, no half of a surrogate pair, no endless nesting. */
export function storable<Value>(value: Value): Value {
  return copy(value, MAX_DEPTH) as Value;
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.replaceAll("\0", "").toWellFormed();
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return null;
  if (Array.isArray(value)) return value.map((element) => copy(element, depth - 1));
  const entries = Object.entries(value).map(([key, part]) => [copy(key, 0), copy(part, depth - 1)]);
  return Object.fromEntries(entries);
}
