// What the customer wrote now, without what they answer to and what their client adds.
//
// Two rules know no language: an attribution ("On Monday, Support wrote:") is what stands above a block of
// ">" lines, has a date and ends with a colon; the header that Outlook copies is a "From", a date and
// three names with colons, whatever they are. email-reply-parser knows the rest: attributions without ">" lines,
// and signatures. Its expressions take time in the cube of the text's length, so it gets short texts only.

import EmailReplyParser from "email-reply-parser";

const PARSER_LIMIT = 4_000;
const FROM =
  /^[*\s]*(?:from|von|van|de|da|di|fra|från|od|от|від|відправник|lähettäjä|kimden|gönderen|feladó|odesílatel|odosielateľ|nadawca|expéditeur|remitente|remetente|mittente|afzender|avsender|avsändare|absender|από|差出人|发件人|寄件者|보낸 ?사람)\s?[:：]/iu;
const SUBJECT =
  /^[*\s]*(?:subject|betreff|onderwerp|objet|oggetto|asunto|assunto|emne|ämne|temat|тема|aihe|konu|tárgy|předmět|predmet|subiect|θέμα|件名|主题|主旨|제목)\s?[:：]/iu;
const RULE = /^[\s*_-]*$/;
const LABEL = /^[*\s]*\p{L}[\p{L} -]{0,24}\s?[:：]/u;
const DATE = /\b(?:19|20)\d\d\b|\d{1,2}[:.]\d\d|\d{1,2}[./-]\d{1,2}[./-]\d\d/;
const SENT_FROM =
  /(?:sent|gesendet|envoy|enviad|inviat|verzonden|verstuurd|sendt|skickat|lähetetty|wysłan|отправлен|надіслан|odeslán|odoslan|trimis|gönderildi|送信|发自|傳送|보냄|στάλθηκε|poslano|послано|küldve).*(?:iphone|ipad|android|samsung|galaxy|huawei|xiaomi|outlook|yahoo|mail|handy|mobil|móvil|телефон)|(?:iphone|ipad|android).{0,6}(?:送信|发送|보냄|gönderildi|lähetetty|gesendet)/iu;
const FORWARDED =
  /^\s*(?:fwd?|wg|tr|rv|enc|i|vs|doorst|vb|pd|továbbítás|переслано|пересл|转发|轉寄|転送|전달)\s?(?:\[\d+\])?\s?[:：]/iu;

/** Return the part of `text` that is new; all of it where nothing would be left, or where it is forwarded. */
export function withoutQuotes(text: string, subject = ""): string {
  const whole = text.trim();
  if (FORWARDED.test(subject)) return whole;
  const lines = withoutAttributions(aboveCopiedHeader(whole.split("\n")));
  return withoutSignature(visible(lines.join("\n"))).trim() || whole;
}

/** Outlook and its kin answer on top, and quote the whole mail below a copy of its header. */
function aboveCopiedHeader(lines: string[]): string[] {
  let start = lines.findIndex((line, index) => FROM.test(line) && isHeader(lines, index));
  if (start < 0) return lines;
  while (start > 0 && (LABEL.test(lines[start - 1]) || RULE.test(lines[start - 1]))) start--;
  return lines.slice(0, start);
}

/** A form that a website sends looks alike, but has no date. */
function isHeader(lines: string[], from: number): boolean {
  const block = lines.slice(Math.max(0, from - 2), from + 10)
    .filter((line) => line.trim() !== "").slice(0, 9);
  return block.filter((line) => LABEL.test(line)).length >= 3 &&
    block.some((line) => DATE.test(line)) &&
    (lines[from].includes("@") || block.some((line) => SUBJECT.test(line)));
}

function withoutAttributions(lines: string[]): string[] {
  const kept: string[] = [];
  for (const line of lines) {
    if (isQuoted(line) && !isQuoted(lastWritten(kept))) dropAttribution(kept);
    kept.push(line);
  }
  return kept;
}

/** Takes up to three lines off the end: clients wrap long attributions. */
function dropAttribution(lines: string[]): void {
  let end = lines.length;
  while (end > 0 && lines[end - 1].trim() === "") end--;
  if (!/[:：]\s*$/.test(lines[end - 1] ?? "")) return;
  for (let start = end - 1; start >= Math.max(0, end - 3); start--) {
    if (lines[start].trim() === "" || isQuoted(lines[start])) return;
    if (!DATE.test(lines[start])) continue;
    const names = /<[^>]*@/.test(lines[start - 1] ?? "") &&
      !lines.slice(start, end).join().includes("@");
    lines.splice(names ? start - 1 : start);
    return;
  }
}

function lastWritten(lines: string[]): string {
  return lines.findLast((line) => line.trim() !== "") ?? "";
}

function isQuoted(line: string): boolean {
  return /^\s{0,3}>/.test(line);
}

function visible(text: string): string {
  if (text.length <= PARSER_LIMIT) return new EmailReplyParser().parseReply(text);
  const lines = text.split("\n");
  const signature = lines.findIndex((line) => /^-- ?$/.test(line));
  return lines.slice(0, signature < 0 ? undefined : signature)
    .filter((line) => !isQuoted(line)).join("\n");
}

/** "Sent from my phone", in the languages that the parser does not know. */
function withoutSignature(text: string): string {
  const lines = text.trimEnd().split("\n");
  const last = lines.at(-1)!;
  return last.length <= 80 && SENT_FROM.test(last) ? lines.slice(0, -1).join("\n") : text;
}
