// A raw mail, as RFC 5322 and MIME have it, parsed.

import PostalMime, { type Attachment, type Email } from "postal-mime";
import { Refusal } from "../_shared/refusal.ts";
import { mailboxes } from "./addresses.ts";
import { onlyAuthor } from "./author.ts";
import { isReport } from "./automatic.ts";
import { charsetOf, charsetOfHtml, textOf, withReadableHeader } from "./charsets.ts";
import { htmlToText } from "./html.ts";
import { isSmime, signedContent } from "./smime.ts";
import { type Header, line, type Mail, type Mailbox, type MailFile } from "./mail.ts";

const LINE_FEED = 10;
const FILE_LINE = 56; // base64 has 60 to 76 characters a line
const OTHER_TEXTS = /^text\/(?:enriched|richtext|markdown|x-markdown)$/;
const MAX_SHORT_LINES = 100_000;
const DASH = 45;
const MAX_BOUNDARIES = 2_000;
const KNOWN = ["from", "to", "subject", "date", "message-id", "received"];
// What delivering servers call the address that they took the mail for.
const ENVELOPE = [
  "x-original-to",
  "delivered-to",
  "envelope-to",
  "x-envelope-to",
  "x-forwarded-to",
];

// What the parser has of a part when it sorts it; neither is in its types.
interface Part {
  contentType: { parsed: { value: string; params: Record<string, string> } };
  content: ArrayBuffer | null;
}
type Collect = (part: Part, ...more: unknown[]) => Promise<void>;

/** Reads texts in the charset that they have, whichever they name. */
class Parser extends PostalMime {
  async collectNode(part: Part, ...more: unknown[]): Promise<void> {
    const { value, params } = part.contentType.parsed;
    if (part.content && value.startsWith("text/")) {
      const bytes = new Uint8Array(part.content);
      const named = params.charset || (value === "text/html" ? charsetOfHtml(bytes) : "");
      const charset = charsetOf(bytes, named);
      if (charset) params.charset = charset;
    }
    const collect = Reflect.get(PostalMime.prototype, "collectNode") as Collect;
    await collect.call(this, part, ...more);
  }
}

/** Parse a raw mail; a Refusal (400) for what is none. */
export async function parseMime(body: Uint8Array): Promise<Mail> {
  const email = await parsed(body);
  if (!email.headers.some(({ key }) => KNOWN.includes(key))) throw new Refusal(400, "no_mail");
  const named = (...keys: string[]) => mailboxesOf(email.headers, keys);
  const added = addedByServer(email.headers);
  return await withInnerMails({
    headers: email.headers,
    ...authorOf(email.headers),
    results: [],
    replyTo: named("reply-to")[0] ?? null,
    envelope: mailboxesOf(added, ENVELOPE),
    recipients: [...mailboxesOf(email.headers.slice(added.length), ENVELOPE), ...named("to", "cc")],
    subject: email.subject ?? "",
    date: email.date ?? "",
    ...bodyOf(email),
    isCut: affordable(body).length < body.length,
  });
}

function bodyOf(email: Email): Pick<Mail, "text" | "html" | "files"> {
  const files = email.attachments.map(fileOf);
  const { text = "", html = "" } = email;
  if (text.trim() || html.trim()) return { text, html, files };
  const [said] = email.attachments;
  const isText = said && !said.filename && said.disposition !== "attachment" &&
    OTHER_TEXTS.test(said.mimeType);
  if (!isText) return { text, html, files };
  const written = textOf(files[0].content, "");
  const isMarkedUp = said.mimeType !== "text/markdown";
  return {
    text: isMarkedUp ? written.replace(/<\/?[a-z-]+>/gi, "") : written,
    html,
    files: files.slice(1),
  };
}

/** Return the mail with what its signature has in it, and, where it says nothing itself, what it forwards. */
export async function withInnerMails(mail: Mail): Promise<Mail> {
  const opened = await withSignedContent(mail);
  if (opened.text.trim() || opened.html.trim() || isReport(opened)) return opened;
  const forwarded = opened.files.find(({ type }) => type === "message/rfc822");
  return forwarded ? { ...opened, ...await forwardedText(forwarded) } : opened;
}

async function withSignedContent(mail: Mail): Promise<Mail> {
  const envelope = mail.files.find(isSmime);
  const content = envelope && signedContent(envelope);
  if (!content) return mail;
  const inner = bodyOf(await parsed(content));
  const others = mail.files.filter((file) => file !== envelope);
  return {
    ...mail,
    text: mail.text || inner.text,
    html: mail.html || inner.html,
    files: [...others, ...inner.files],
  };
}

async function forwardedText({ content }: MailFile): Promise<Pick<Mail, "text" | "html">> {
  const inner = await parsed(content);
  const [from] = mailboxesOf(inner.headers, ["from"]);
  const named = [from?.name || from?.address, line(inner.subject ?? "", 200)].filter(Boolean);
  const said = inner.text || htmlToText(inner.html ?? "");
  return { text: `[Forwarded mail: ${named.join(": ")}]\n\n${said}`, html: "" };
}

function authorOf(headers: Header[]): Pick<Mail, "from" | "isOneAuthor"> {
  const from = mailboxesOf(headers, ["from"])[0] ?? null;
  const author = onlyAuthor(headers.filter(({ key }) => key === "from").map(({ value }) => value));
  return { from, isOneAuthor: author !== null && author === from?.address };
}

/**
 * Return the mail, or what comes before its 100,000th short line, or its 2,000th that may begin a
 * part: the parser takes as long for a line of text, however short, as for a page of a file (whose
 * lines are long).
 */
function affordable(body: Uint8Array): Uint8Array {
  let short = 0, boundaries = 0;
  for (let start = 0, end; (end = body.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
    if (end - start < FILE_LINE && ++short === MAX_SHORT_LINES) return body.subarray(0, end);
    const mayBegin = body[start] === DASH && body[start + 1] === DASH;
    if (mayBegin && ++boundaries === MAX_BOUNDARIES) return body.subarray(0, start);
  }
  return body;
}

/** The parser refuses only what is made to exhaust it: endless headers, parts within parts. */
async function parsed(body: Uint8Array): Promise<Email> {
  try {
    const parser = new Parser({ forceRfc822Attachments: true });
    return await parser.parse(withReadableHeader(affordable(body)));
  } catch {
    throw new Refusal(400, "no_mail");
  }
}

/** Servers write on top: what stands below the first `Received`, the sender may have written. */
function addedByServer(headers: Header[]): Header[] {
  const received = headers.findIndex(({ key }) => key === "received");
  return received < 0 ? headers : headers.slice(0, received);
}

/** Return whom the headers name, in the order of `keys`. */
function mailboxesOf(headers: Header[], keys: string[]): Mailbox[] {
  return keys.flatMap((wanted) => headers.filter(({ key }) => key === wanted))
    .flatMap(({ value }) => mailboxes(value));
}

function fileOf(attachment: Attachment): MailFile {
  return {
    name: line(attachment.filename ?? attachment.description ?? "", 200),
    type: attachment.mimeType,
    content: new Uint8Array(attachment.content as ArrayBuffer),
    isInline: attachment.related === true || attachment.disposition === "inline",
    method: attachment.method,
  };
}
