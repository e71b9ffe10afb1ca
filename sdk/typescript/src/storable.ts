/** What the database can store of text: all but NUL, and half of a character. */
import { InvalidRequest } from "./errors.js";

const NO_TEXT = /[\0\p{Surrogate}]/u;

/**
 * Refuse text that cannot be stored, wherever in `value` it is, before it is sent.
 *
 * @throws {@link InvalidRequest} there is some
 */
export function checkStorable(value: unknown): void {
  // As it would be sent: whatever its objects are, and whatever they make of themselves.
  JSON.stringify(value, (key, each: unknown) => {
    checkText(key);
    if (typeof each === "string") checkText(each);
    return each;
  });
}

function checkText(text: string): void {
  const at = text.search(NO_TEXT);
  if (at < 0) return;
  const what = text[at] === "\0" ? "a NUL" : "half of a character (a lone surrogate)";
  throw new InvalidRequest(`the text has ${what} at ${at}`, "unstorable_text");
}
