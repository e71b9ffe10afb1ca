/** JSON as it is, also where a page has given arrays a `toJSON` (Prototype, MooTools): the build puts it in its place. */
const native = globalThis.JSON;

export const safeJson: Pick<JSON, "parse" | "stringify"> = {
  parse: (text, reviver) => native.parse(text, reviver),
  stringify: (value: unknown, ...more: []) =>
    "toJSON" in Array.prototype ? written(value)! : native.stringify(value, ...more),
};

function written(value: unknown): string | undefined {
  if (Array.isArray(value)) return `[${value.map((each) => written(each) ?? "null").join(",")}]`;
  if (typeof value !== "object" || value === null || value instanceof Date)
    return native.stringify(value);
  const members = Object.entries(value).flatMap(([name, each]) => {
    const text = written(each);
    return text === undefined ? [] : [`${native.stringify(name)}:${text}`];
  });
  return `{${members.join(",")}}`;
}
