// A mail becomes an event: a message of its customer, or what a report says of a mail of ours.

import {
  type ChannelEvent,
  type Customer,
  type Happening,
  ignored,
  type Written,
} from "../_shared/events.ts";
import { present } from "../_shared/json.ts";
import type { Recipient } from "./account.ts";
import { replyAddress } from "./addresses.ts";
import { authenticationOf, isForged } from "./authentication.ts";
import { automaticBy, isReport } from "./automatic.ts";
import { type Attached, attachedTo, type Upload } from "./files.ts";
import { type Mail, type Mailbox, readTime } from "./mail.ts";
import { reportedBy } from "./report.ts";
import { saidIn, withSubject } from "./text.ts";
import { answeredBy, bareSubject, messageId, references } from "./thread.ts";

export interface Read {
  event: ChannelEvent;
  /** Its files, to be stored once its conversation is known. */
  uploads: Upload[];
}

export function readMail(mail: Mail, { account, token }: Recipient): Read {
  const at = readTime(mail.date);
  const without = (happening: Happening): Read => ({
    event: { ...happening, account, at },
    uploads: [],
  });
  if (!account) return without(ignored("mail_to_nobody"));
  const report = isReport(mail) ? reportedBy(mail, account, at) : null;
  if (report) return { event: report, uploads: [] };
  const sender = senderOf(mail, account);
  if (typeof sender === "string") return without(ignored(sender));
  const attached = attachedTo(mail, messageId(mail));
  const message = messageOf(mail, account, token, sender, attached);
  return { event: { kind: "message", account, at, ...message }, uploads: attached.uploads };
}

/**
 * Return who wrote, or why there is nobody. `Reply-To` does not count: what a server vouches for is `From`,
 * and with it anybody could have us write to others. But a form on the team's own site, and a group that
 * the team reads, send in the team's name and put the customer there.
 */
function senderOf(mail: Mail, account: string): Mailbox | string {
  if (!mail.from) return "mail_of_nobody";
  const isOwn = (one: Mailbox) => replyAddress(one.address).account === account;
  if (!isOwn(mail.from)) return mail.from;
  return mail.replyTo && !isOwn(mail.replyTo) ? mail.replyTo : "own_mail";
}

function messageOf(
  mail: Mail,
  account: string,
  token: string | null,
  sender: Mailbox,
  attached: Attached,
): Written {
  const authentication = authenticationOf(mail);
  const isAnothers = isForged(mail);
  const notAnswered = isAnothers ? "dmarc" : automaticBy(mail, account) ?? undefined;
  const subject = bareSubject(mail.subject) || undefined;
  const before = references(mail);
  const { content, original } = saidIn(mail);
  const body = content || placeholder(mail, attached);
  const isFirst = !before.length && !token;
  return {
    id: messageId(mail),
    customer: customerOf(sender),
    type: typeOf(attached),
    content: (isFirst && subject ? withSubject(body, subject) : body) || "[Empty mail]",
    ...(attached.media.length && { media: attached.media }),
    metadata: present({
      subject,
      original_text: original,
      authentication: present(authentication),
      not_answered: notAnswered,
      reply_to_address: mail.replyTo?.address === sender.address
        ? undefined
        : mail.replyTo?.address,
      too_large: attached.tooLarge.length ? attached.tooLarge : undefined,
    }),
    reply_to: isAnothers ? undefined : answeredBy(mail),
    is_automatic: notAnswered !== undefined,
    // Who is not who they say goes on from nobody's conversation.
    thread: isAnothers
      ? { subject }
      : { references: before, reply_token: token ?? undefined, subject },
  };
}

function customerOf({ address, name }: Mailbox): Customer {
  return { id: address, email: address, ...(name && { name }) };
}

function typeOf({ media: [first] }: Attached): string {
  if (!first) return "text";
  const kind = first.mime_type?.split("/")[0] ?? "";
  return ["image", "audio", "video"].includes(kind) ? kind : "document";
}

function placeholder(mail: Mail, { media, tooLarge }: Attached): string {
  const isEncrypted = mail.files.some(({ type }) => /pgp-encrypted|pkcs7-mime/.test(type));
  if (isEncrypted) return "[Encrypted mail]";
  return [...media, ...tooLarge].map(({ name }) => `[Document: ${name}]`).join("\n");
}
