// A raw mail, as RFC 5322 and MIME have it, parsed.

import PostalMime, { type Attachment, type Email } from "postal-mime";
import { Refusal } from "../_shared/refusal.ts";
import { mailboxes } from "./addresses.ts";
import { onlyAuthor } from "./author.ts";
import { type Header, line, type Mail, type Mailbox, type MailFile } from "./mail.ts";

const LINE_FEED = 10;
const FILE_LINE = 56; // base64 has 60 to 76 characters a line
const MAX_SHORT_LINES = 100_000;
const KNOWN = ["from", "to", "subject", "date", "message-id", "received"];
// What delivering servers call the address that they took the mail for.
const ENVELOPE = [
  "x-original-to",
  "delivered-to",
  "envelope-to",
  "x-envelope-to",
  "x-forwarded-to",
];

/** Parse a raw mail; a Refusal (400) for what is none. */
export async function parseMime(body: Uint8Array): Promise<Mail> {
  const email = await parsed(body);
  if (!email.headers.some(({ key }) => KNOWN.includes(key))) throw new Refusal(400, "no_mail");
  const named = (...keys: string[]) => mailboxesOf(email.headers, keys);
  const added = addedByServer(email.headers);
  return {
    headers: email.headers,
    ...authorOf(email.headers),
    results: [],
    replyTo: named("reply-to")[0] ?? null,
    envelope: mailboxesOf(added, ENVELOPE),
    recipients: [...mailboxesOf(email.headers.slice(added.length), ENVELOPE), ...named("to", "cc")],
    subject: email.subject ?? "",
    date: email.date ?? "",
    text: email.text ?? "",
    html: email.html ?? "",
    files: email.attachments.map(fileOf),
  };
}

function authorOf(headers: Header[]): Pick<Mail, "from" | "isOneAuthor"> {
  const from = mailboxesOf(headers, ["from"])[0] ?? null;
  const author = onlyAuthor(headers.filter(({ key }) => key === "from").map(({ value }) => value));
  return { from, isOneAuthor: author !== null && author === from?.address };
}

/**
 * Return the mail, or what comes before its 100,000th short line: the parser takes as long for a line of
 * text, however short, as for a page of a file (whose lines are long).
 */
function readable(body: Uint8Array): Uint8Array {
  let short = 0;
  for (let start = 0, end; (end = body.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
    if (end - start < FILE_LINE && ++short === MAX_SHORT_LINES) return body.subarray(0, end);
  }
  return body;
}

/** The parser refuses only what is made to exhaust it: endless headers, parts within parts. */
async function parsed(body: Uint8Array): Promise<Email> {
  try {
    return await PostalMime.parse(readable(body));
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
