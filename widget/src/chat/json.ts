/** JSON of what a page may have taught otherwise: `Array.prototype.toJSON`. */
export function json(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((each) => json(each ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${json(each)}`).join(",")}}`;
}
