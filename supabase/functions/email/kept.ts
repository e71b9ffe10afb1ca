// What is kept of a mail as it came: all of a small one, and of a large one all but its files, which are
// in Storage.

import type { Parsed } from "../_shared/webhook.ts";
import type { Mail } from "./mail.ts";

const MAX_WHOLE_BYTES = 256 * 1024;
const MAX_TEXT = 500_000;

/** Return what stands for the body; undefined where the body itself can be kept. */
export function keptOf(mail: Mail, body: Uint8Array): Parsed["kept"] {
  if (body.length <= MAX_WHOLE_BYTES && isText(body)) return undefined;
  const payload = JSON.stringify({
    ...mail,
    text: mail.text.slice(0, MAX_TEXT),
    html: mail.html.slice(0, MAX_TEXT),
    files: mail.files.map(({ content, ...file }) => ({ ...file, size: content.length })),
  });
  return { payload, headers: { "content-type": "application/vnd.romashka.mail+json" } };
}

/** Old mails have bytes that are no UTF-8, and Postgres takes no NUL. */
function isText(body: Uint8Array): boolean {
  try {
    return !new TextDecoder("utf-8", { fatal: true }).decode(body).includes("\0");
  } catch {
    return false;
  }
}
