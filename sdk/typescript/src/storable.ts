/** What the database can store of text: all but NUL, and half of a character. */
import { InvalidRequest } from "./errors.js";

const NO_TEXT = /[\0\p{Surrogate}]/u;

/**
 * Refuse text that cannot be stored, wherever in `value` it is, before it is sent.
 *
 * @throws {@link InvalidRequest} there is some
 */
export function checkStorable(value: unknown): void {
  if (typeof value === "string") {
    const at = value.search(NO_TEXT);
    if (at < 0) return;
    const what = value[at] === "\0" ? "a NUL" : "half of a character (a lone surrogate)";
    throw new InvalidRequest(`the text has ${what} at ${at}`, "unstorable_text");
  }
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) value.forEach(checkStorable);
  else if (Object.getPrototypeOf(value) === Object.prototype) {
    Object.entries(value).forEach(checkStorable);
  }
}
