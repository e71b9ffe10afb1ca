// What the customer wrote now, without what they answer to and what their client adds.
//
// Three rules know no language:
// - an attribution ("On Monday, Support wrote:") stands above a block of ">" lines, and has two of a date, an address
//   and a colon at its end;
// - with all three it needs no such block below;
// - the header that Outlook copies is a "From", a date and three names with colons, whatever they are.
// email-reply-parser knows the rest: attributions without ">" lines, and signatures. Its expressions take time in the
// cube of the text's length, so it gets short texts only.

import EmailReplyParser from "email-reply-parser";

/** Before what the customer quoted; no text has it. */
const OWN = "\u{f0000}";
const PARSER_LIMIT = 4_000;
const FROM =
  /^[*\s]*(?:from|von|van|de|da|di|fra|från|od|от|від|відправник|lähettäjä|kimden|gönderen|feladó|odesílatel|odosielateľ|nadawca|expéditeur|remitente|remetente|mittente|afzender|avsender|avsändare|absender|από|מאת|من|از|จาก|từ|dari|šalje|saatja|差出人|发件人|寄件者|寄件人|보낸 ?사람)\s?[:：]/iu;
const SUBJECT =
  /^[*\s]*(?:subject|betreff|onderwerp|objet|oggetto|asunto|assunto|emne|ämne|temat|тема|aihe|konu|tárgy|předmět|predmet|subiect|θέμα|נושא|الموضوع|موضوع|เรื่อง|chủ đề|subjek|perihal|件名|主题|主旨|제목)\s?[:：]/iu;
const RULE = /^[\s*_-]*$|^\s*[*_-]{3}.*[*_-]{3}\s*$/;
const LABEL = /^[*\s]*\p{L}[\p{L}\p{M} -]{0,24}\s?[:：]/u;
const ENDS = /[:：։﹕]\s*$/;
const TIME = /\d{1,2}[:.]\d\d(?!\d)/;
const ADDRESS = /<\s*[^\s<>@]+@[^\s<>@]+\s*>/;
const DATE = /\b(?:19|20)\d\d\b|\d{1,2}[:.]\d\d|\d{1,2}[./-]\d{1,2}[./-]\d\d/;
const SENT_FROM =
  /(?:sent|gesendet|envoy|enviad|inviat|verzonden|verstuurd|sendt|skickat|lähetetty|wysłan|отправлен|надіслан|odeslán|odoslan|trimis|gönderildi|送信|发自|傳送|보냄|στάλθηκε|poslano|послано|küldve).*(?:iphone|ipad|android|samsung|galaxy|huawei|xiaomi|outlook|yahoo|mail|handy|mobil|móvil|телефон)|(?:iphone|ipad|android).{0,6}(?:送信|发送|보냄|gönderildi|lähetetty|gesendet)/iu;
const FORWARDED =
  /^\s*(?:fwd?|wg|tr|rv|enc|i|vs|doorst|vb|pd|továbbítás|переслано|пересл|转发|轉寄|転送|전달)\s?(?:\[\d+\])?\s?[:：]/iu;

/**
 * Return the part of `text` that is new; all of it where nothing would be left, or where it is forwarded. What
 * answers nothing quotes nothing of ours: only its signature goes.
 */
export function withoutQuotes(text: string, subject = "", isReply = true): string {
  const whole = text.trim();
  if (isForwarded(subject)) return whole;
  const found = isReply
    ? visible(marked(aboveAttribution(aboveCopiedHeader(whole.split("\n")))).join("\n"))
      .replaceAll(OWN, "")
    : aboveSignature(whole.split("\n")).join("\n");
  return withoutSignature(found).trim() || whole;
}

/** Does a subject say that its mail is forwarded? */
export function isForwarded(subject: string): boolean {
  return FORWARDED.test(subject);
}

/** Return a line as rules match it: ASCII digits, and no marks of direction. */
function shape(line: string): string {
  return line.replace(/\p{Cf}/gu, "").replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0)!;
    let zero = code;
    while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
    return String((code - zero) % 10);
  });
}

/** Outlook and its kin answer on top, and quote the whole mail below a copy of its header. */
function aboveCopiedHeader(lines: string[]): string[] {
  const shapes = lines.map(shape);
  let start = shapes.findIndex((line, index) => FROM.test(line) && isHeader(shapes, index));
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

/** Some programs put the quote below as it is: nobody can tell what else is written there. */
function aboveAttribution(lines: string[]): string[] {
  if (lines.some(isQuoted)) return lines;
  const start = lines.findIndex((line, index) => {
    const said = shape(line);
    return line.length < 300 && ADDRESS.test(said) && /\b\d{4}\b|\d{4}年/.test(said) &&
      DATE.test(said) &&
      ENDS.test(said) && index > 0 && lines[index - 1].trim() === "" && index + 1 < lines.length;
  });
  return start < 0 ? lines : lines.slice(0, start);
}

/**
 * Return the lines without attributions. What customers quote themselves stands above the first one, and is
 * marked, so that nothing takes it for a quote of ours.
 */
function marked(lines: string[]): string[] {
  const kept: string[] = [];
  let isBelow = false;
  for (const [place, line] of lines.entries()) {
    if (isQuoted(line) && !isQuoted(lastWritten(kept))) {
      if (dropAttribution(kept)) {
        if (!isBelow) kept.forEach((above, at) => kept[at] = isQuoted(above) ? OWN + above : above);
        isBelow = true;
      } else if (isForward(lines.slice(place))) {
        return [...kept, ...lines.slice(place).map((one) => isQuoted(one) ? OWN + one : one)];
      }
    }
    kept.push(line);
  }
  return kept;
}

/** A quote that begins with the header of a mail is one that is forwarded (Apple's). */
function isForward(lines: string[]): boolean {
  const header = lines.slice(0, 8).map((line) => line.replace(/^[\s>]+/, "")).filter(Boolean).slice(
    0,
    3,
  );
  return header.length === 3 && header.every((line) => LABEL.test(line)) &&
    header.some((line) => line.includes("@"));
}

/** Takes up to three lines off the end: clients wrap long attributions. */
function dropAttribution(lines: string[]): boolean {
  let end = lines.length;
  while (end > 0 && lines[end - 1].trim() === "") end--;
  const shapes = lines.slice(0, end).slice(-4).map(shape);
  const start = attributionIn(shapes);
  if (start === null) return false;
  lines.splice(end - shapes.length + start);
  return true;
}

/** Return where in the last lines above a quote the attribution begins; null where there is none. */
function attributionIn(shapes: string[]): number | null {
  const last = shapes.length - 1;
  const all = shapes.join(" ");
  const isNamed = ADDRESS.test(all) && TIME.test(all);
  if (last < 0 || (!ENDS.test(shapes[last]) && !isNamed)) return null;
  for (let start = last; start >= Math.max(0, last - 2); start--) {
    if (shapes[start].trim() === "" || isQuoted(shapes[start])) break;
    if (!DATE.test(shapes[start])) continue;
    const names = /<[^>]*@/.test(shapes[start - 1] ?? "") &&
      !shapes.slice(start).join().includes("@");
    return names ? start - 1 : start;
  }
  return ENDS.test(shapes[last]) && ADDRESS.test(shapes[last]) ? last : null;
}

function lastWritten(lines: string[]): string {
  return lines.findLast((line) => line.trim() !== "") ?? "";
}

function isQuoted(line: string): boolean {
  return /^\s{0,3}>/.test(line);
}

function visible(text: string): string {
  if (text.length <= PARSER_LIMIT) return new EmailReplyParser().parseReply(text);
  return aboveSignature(text.split("\n")).filter((line) => !isQuoted(line)).join("\n");
}

function aboveSignature(lines: string[]): string[] {
  const signature = lines.findIndex((line) => /^-- ?$/.test(line));
  return lines.slice(0, signature < 0 ? undefined : signature);
}

/** "Sent from my phone", in the languages that the parser does not know. */
function withoutSignature(text: string): string {
  const lines = text.trimEnd().split("\n");
  const last = lines.at(-1)!;
  return last.length <= 80 && SENT_FROM.test(last) ? lines.slice(0, -1).join("\n") : text;
}
