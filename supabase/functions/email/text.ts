// What a mail says: the part of its text that is new, and the whole, to look things up.

import { htmlToReply, htmlToText } from "./html.ts";
import type { Mail } from "./mail.ts";
import { isForwarded, withoutQuotes } from "./quotes.ts";
import { bareSubject } from "./thread.ts";

const MAX_READ = 1_000_000;
const MAX_CONTENT = 50_000;
const MAX_ORIGINAL = 100_000;
const MAX_STUB_WORDS = 60;
const MARKED =
  /gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote|zmail_extra|divRplyFwdMsg|appendonsend|mail-editor-reference|type="?cite|name="?quote/;

export interface Said {
  content: string;
  /** With all that was quoted and signed, where that is more. */
  original: string | undefined;
}

/** Return what the customer wrote; the empty text where the mail has none. */
export function saidIn(mail: Mail, isReply: boolean): Said {
  const text = withoutArmour(clean(isHtml(mail.text) ? htmlToText(mail.text) : mail.text));
  const page = clean(htmlToText(mail.html));
  const whole = isStub(text, page) ? page : text;
  const content = newPart(mail, whole, isReply).slice(0, MAX_CONTENT);
  return { content, original: content === whole ? undefined : whole.slice(0, MAX_ORIGINAL) };
}

/** Some programs call their HTML a text. */
function isHtml(text: string): boolean {
  return /^\s*<(?:!doctype html|html|body)\b/i.test(text) && /<\/(?:html|body)>\s*$/i.test(text);
}

/** What PGP writes around a text that it signs. */
function withoutArmour(text: string): string {
  const [, signed] = text.match(
    /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[\w-]+: .*\n)*\n([^]*?)\n-----BEGIN PGP SIGNATURE-----/,
  ) ?? [];
  return signed === undefined ? text : signed.replace(/^- /gm, "").trim();
}

/** Some programs write no text, but that the mail is HTML, or only how the mail begins. */
function isStub(text: string, page: string): boolean {
  const shown = wordsOf(page);
  const said = wordsOf(text);
  if (!shown.length || said.length > MAX_STUB_WORDS) return text === "";
  const known = new Set(shown);
  const common = said.filter((word) => known.has(word)).length;
  return common < said.length / 2 || said.length === 0 ||
    common === said.length && shown.length >= 3 * said.length + 10;
}

/** Scripts without spaces count by letters. */
function wordsOf(text: string): string[] {
  const bare = text.slice(0, 20_000).toLowerCase().replace(/https?:\S+/g, "");
  return bare.match(
    /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}]|[\p{L}\p{M}\p{N}]+/gu,
  ) ?? [];
}

function newPart(mail: Mail, whole: string, isReply: boolean): string {
  const found = withoutQuotes(whole, mail.subject, isReply);
  if (found !== whole || !isReply || isForwarded(mail.subject)) return found;
  if (!MARKED.test(mail.html)) return found;
  return withoutQuotes(clean(htmlToReply(mail.html)), mail.subject) || found;
}

/** A first mail may say in its subject alone what it is about. */
export function withSubject(content: string, subject: string): string {
  const bare = bareSubject(subject);
  return content.toLowerCase().includes(bare.toLowerCase())
    ? content
    : `${bare}\n\n${content}`.trim();
}

/**
 * Without what no screen shows: control characters, the fillers that newsletters hide in previews, and letters that
 * only programs read (the tags of Unicode, but for those of flags).
 */
function clean(text: string): string {
  const shown = text.slice(0, MAX_READ).replace(/\r\n?/g, "\n")
    .replace(/(?<!\u{1f3f4}[\u{e0020}-\u{e007f}]{0,6})[\u{e0000}-\u{e007f}]/gu, "")
    .replace(/[\u{e0100}-\u{e01ef}]{2,}/gu, "")
    .replace(/[^\P{Cc}\n\t]|[\u00ad\u034f\u200b\u2060-\u2064\u180e\ufeff]/gu, "");
  return shown.split("\n").map((line) => line.trimEnd()).join("\n")
    .replace(/\n{4,}/g, "\n\n\n").trim().toWellFormed();
}
