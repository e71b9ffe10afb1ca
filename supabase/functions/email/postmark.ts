// Postmark's inbound JSON, and what it tells of mails that it sent for us.

import { Buffer } from "node:buffer";
import {
  type ChannelEvent,
  type DeliveryStatus,
  type Failure,
  ignored,
} from "../_shared/events.ts";
import { type Fields, fields, objects, short, text } from "../_shared/json.ts";
import { Refusal } from "../_shared/refusal.ts";
import { mailboxes, normalAddress } from "./addresses.ts";
import { dkimResult, type Result, spfResult } from "./authentication.ts";
import { onlyAuthor } from "./author.ts";
import { withoutComments } from "./comments.ts";
import { type Header, line, type Mail, type Mailbox, type MailFile, readTime } from "./mail.ts";

/** Return the mail that came in; null where it tells of one that went out; a Refusal (400) for neither. */
export function parsePostmark(payload: unknown): Mail | null {
  const record = fields(payload);
  if (text(record.RecordType) && record.RecordType !== "Inbound") return null;
  if (!("From" in record || "FromFull" in record)) throw new Refusal(400, "no_mail");
  const headers = objects(record.Headers).slice(0, 1_000).map(({ Name, Value }) => ({
    key: (text(Name) ?? "").toLowerCase(),
    value: text(Value) ?? "",
  }));
  const from = mailbox(fields(record.FromFull)) ?? mailboxes(text(record.From) ?? "")[0] ?? null;
  return {
    headers,
    from,
    isOneAuthor: from !== null && onlyAuthor([text(record.From) ?? from.address]) === from.address,
    results: resultsOf(headers, from),
    replyTo: mailboxes(text(record.ReplyTo) ?? "")[0] ?? null,
    envelope: mailboxes(text(record.OriginalRecipient) ?? ""),
    recipients: [record.ToFull, record.CcFull].flatMap((list) => objects(list).slice(0, 100))
      .flatMap((full) => mailbox(full) ?? []),
    subject: text(record.Subject) ?? "",
    date: text(record.Date) ?? "",
    text: text(record.TextBody) ?? "",
    html: text(record.HtmlBody) ?? "",
    files: objects(record.Attachments).map(fileOf),
  };
}

/**
 * Read what Postmark found out: SpamAssassin's tests, in the headers that it puts on top. `DKIM_VALID_AU` is a
 * signature of the author's own domain, `SPF_PASS` is of the domain in `envelope-from`.
 */
function resultsOf(headers: Header[], from: Mailbox | null): Result[] {
  const others = headers.findIndex((one) => !isPostmarks(one));
  const own = others < 0 ? headers : headers.slice(0, others);
  const tests = own.find(({ key }) => key === "x-spam-tests")?.value.split(/[\s,]+/) ?? [];
  const spf = own.find(({ key }) => key === "received-spf")?.value ?? "";
  const [, path] = withoutComments(spf)?.match(/^\s*pass\s.*\benvelope-from=(\S+?);?(?:\s|$)/i) ??
    [];
  return [
    ...(from && tests.includes("DKIM_VALID_AU") ? [dkimResult("pass", from.address)] : []),
    ...(path && tests.includes("SPF_PASS") ? [spfResult("pass", path)] : []),
  ];
}

/** Postmark's own server says `by`; with `from` begins what others wrote. */
function isPostmarks({ key, value }: Header): boolean {
  return /^(?:return-path|received-spf|x-spam-[\w-]+)$/.test(key) ||
    key === "received" && !/^\s*from\b/i.test(value);
}

function mailbox(full: Fields): Mailbox | null {
  const address = normalAddress(text(full.Email) ?? "");
  return address ? { address, name: line(text(full.Name) ?? "", 200) } : null;
}

function fileOf(attachment: Fields): MailFile {
  const [type, ...parameters] = (text(attachment.ContentType) ?? "").split(";");
  return {
    name: line(text(attachment.Name) ?? "", 200),
    type: type.trim().toLowerCase(),
    content: new Uint8Array(Buffer.from(text(attachment.Content) ?? "", "base64")),
    isInline: text(attachment.ContentID) !== undefined,
    method: parameters.join(";").match(/method="?(\w+)/i)?.[1].toUpperCase(),
  };
}

const STATUSES = new Map<unknown, DeliveryStatus>([
  ["Bounce", "failed"],
  ["SpamComplaint", "failed"],
  ["Delivery", "delivered"],
  ["Open", "read"],
]);
// Bounces that are no end: Postmark tries on, or the mail arrived and something answered it.
const PASSING = [
  "Transient",
  "DnsError",
  "SoftBounce",
  "AutoResponder",
  "Subscribe",
  "Unsubscribe",
];

/** Return what happened to a mail that we sent. Postmark names the account in some records only. */
export function readOutgoing(payload: unknown, connected: readonly string[]): ChannelEvent {
  const record = fields(payload);
  const metadata = fields(record.Metadata);
  const named = normalAddress(text(metadata.account) ?? text(record.From) ?? "");
  const account = named ?? (connected.length === 1 ? connected[0] : null);
  const at = readTime(text(record.BouncedAt ?? record.DeliveredAt ?? record.ReceivedAt));
  const id = text(metadata["message-id"]) ?? ownId(text(record.MessageID));
  const status = PASSING.includes(String(record.Type))
    ? undefined
    : STATUSES.get(record.RecordType);
  if (!status || !id || !account) {
    return { ...ignored(`postmark_${short(record.RecordType, 40)}`), account, at };
  }
  const error = status === "failed" ? readError(record) : undefined;
  return { kind: "status", account, at, id, status, error };
}

function readError(record: Fields): Failure {
  const code = short(record.Type, 40) ?? "bounced";
  return { code, message: short(record.Description, 500) ?? short(record.Name) ?? code };
}

/** What Postmark calls a mail that may not keep an id of its own. */
function ownId(id: string | undefined): string | undefined {
  return id && `<${id}@mtasv.net>`;
}
