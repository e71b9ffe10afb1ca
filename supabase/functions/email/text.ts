// What a mail says: the part of its text that is new, and the whole, to look things up.

import { htmlToReply, htmlToText } from "./html.ts";
import type { Mail } from "./mail.ts";
import { withoutQuotes } from "./quotes.ts";
import { bareSubject } from "./thread.ts";

const MAX_READ = 1_000_000;
const MAX_CONTENT = 50_000;
const MAX_ORIGINAL = 100_000;
const MARKED =
  /gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote|zmail_extra|divRplyFwdMsg|appendonsend|mail-editor-reference|type="?cite|name="?quote/;

export interface Said {
  content: string;
  /** With all that was quoted and signed, where that is more. */
  original: string | undefined;
}

/** Return what the customer wrote; the empty text where the mail has none. */
export function saidIn(mail: Mail): Said {
  const whole = clean(mail.text) || clean(htmlToText(mail.html));
  const content = newPart(mail, whole).slice(0, MAX_CONTENT);
  return { content, original: content === whole ? undefined : whole.slice(0, MAX_ORIGINAL) };
}

function newPart(mail: Mail, whole: string): string {
  const found = withoutQuotes(whole, mail.subject);
  if (found !== whole || !MARKED.test(mail.html)) return found;
  return withoutQuotes(clean(htmlToReply(mail.html)), mail.subject) || found;
}

/** A first mail may say in its subject alone what it is about. */
export function withSubject(content: string, subject: string): string {
  const bare = bareSubject(subject);
  return content.toLowerCase().includes(bare.toLowerCase())
    ? content
    : `${bare}\n\n${content}`.trim();
}

/** Without what no screen shows: control characters, and the fillers that newsletters hide in previews. */
function clean(text: string): string {
  const shown = text.slice(0, MAX_READ).replace(/\r\n?/g, "\n")
    .replace(/[^\P{Cc}\n\t]|[\u00ad\u034f\u200b\u2060\ufeff]/gu, "");
  return shown.split("\n").map((line) => line.trimEnd()).join("\n")
    .replace(/\n{4,}/g, "\n\n\n").trim().toWellFormed();
}
