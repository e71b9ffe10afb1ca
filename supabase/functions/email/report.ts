// What servers and clients report of a mail that we sent (RFC 3464, 8098, 5965): a status of it.

import {
  type ChannelEvent,
  type DeliveryStatus,
  type Failure,
  ignored,
} from "../_shared/events.ts";
import { line, type Mail, type MailFile } from "./mail.ts";
import { references } from "./thread.ts";

const MAX_PART = 100_000;

interface Report {
  status: DeliveryStatus | null;
  error?: Failure;
}

/** Return the status that a report tells; null for a mail that is none, or tells of no mail. */
export function reportedBy(mail: Mail, account: string, at: string): ChannelEvent | null {
  const report = bounced(mail) ?? displayed(mail) ?? complained(mail);
  if (!report) return null;
  const id = originalId(mail);
  if (!report.status) return { ...ignored("report_of_no_change"), account, at };
  if (!id) return null;
  const reference = id.match(/^<([0-9a-f-]{36})@/)?.[1];
  return { kind: "status", account, at, id, ...report, status: report.status, reference };
}

function bounced(mail: Mail): Report | null {
  const part = partOf(mail, "delivery-status");
  if (!part) return null;
  const action = field(part, "action").toLowerCase();
  if (action === "delivered" || action === "relayed" || action === "expanded") {
    return { status: "delivered" };
  }
  if (action !== "failed") return { status: null }; // delayed: the server tries on
  const code = field(part, "status").match(/\d\.\d{1,3}\.\d{1,3}/)?.[0] ?? "bounced";
  const message = field(part, "diagnostic-code").replace(/^[\w-]+;\s*/, "");
  return {
    status: "failed",
    error: { code, message: withoutAddresses(message) || "undeliverable" },
  };
}

function displayed(mail: Mail): Report | null {
  const part = partOf(mail, "disposition-notification");
  if (!part) return null;
  return { status: /\bdisplayed\b/i.test(field(part, "disposition")) ? "read" : null };
}

function complained(mail: Mail): Report | null {
  const part = partOf(mail, "feedback-report");
  const error = { code: "complaint", message: "reported as spam" };
  return part ? { status: "failed", error } : null;
}

/** The report names the mail, brings its header, or answers it. */
function originalId(mail: Mail): string | null {
  const named = field(
    partOf(mail, "disposition-notification") ?? "",
    "original-message-id",
  );
  const brought = mail.files
    .filter(({ type }) =>
      /^(?:message\/(?:rfc822|global(?:-headers)?)$|text\/rfc822-headers)/.test(type)
    )
    .map((file) => field(textOf(file), "message-id"));
  const found = [named, ...brought].map((text) => text.match(/<[^<>\s]{1,900}>/)?.[0]).find(
    Boolean,
  );
  return found ?? references(mail)[0] ?? null;
}

/** Return a part for programs; its name is another where addresses are of any script (RFC 6533). */
function partOf(mail: Mail, name: string): string | null {
  const part = mail.files.find(({ type }) =>
    type === `message/${name}` || type === `message/global-${name}`
  );
  return part ? textOf(part) : null;
}

function textOf(file: MailFile): string {
  return new TextDecoder().decode(file.content.subarray(0, MAX_PART)).replaceAll("\r\n", "\n");
}

/** Return a header's value in any of the blocks of a part, unfolded. */
function field(text: string, name: string): string {
  const found = text.replace(/\n[ \t]+/g, " ").match(new RegExp(`^${name}:[ \t]*(.*)$`, "im"));
  return found ? line(found[1], 500) : "";
}

/** The text is shown to the team, not in logs; still nobody's address belongs in an error. */
function withoutAddresses(text: string): string {
  return text.replace(/<?[^\s<>@]+@[^\s<>@]+>?/g, "…").trim();
}
