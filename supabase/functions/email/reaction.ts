// Gmail's reactions are mails with a part of their own: {"emoji": "👍", "version": 1}.

import { fields, short } from "../_shared/json.ts";
import type { Mail } from "./mail.ts";

const TYPE = "text/vnd.google.email-reaction+json";

/** Return the emoji of a reaction; null for any other mail. */
export function reactionIn(mail: Mail): string | null {
  const part = mail.files.find(({ type }) => type === TYPE);
  if (!part) return null;
  try {
    return short(fields(JSON.parse(new TextDecoder().decode(part.content))).emoji, 50) ?? null;
  } catch {
    return null;
  }
}
