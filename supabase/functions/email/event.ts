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
import { authenticationOf, type Doubt, doubtOf } from "./authentication.ts";
import { automaticBy, isReport, maybeAutomaticBy } from "./automatic.ts";
import { type Attached, attachedTo, type Upload } from "./files.ts";
import { type Mail, type Mailbox, readTime } from "./mail.ts";
import { reactionIn } from "./reaction.ts";
import { reportedBy } from "./report.ts";
import { saidIn, withSubject } from "./text.ts";
import { answeredBy, bareSubject, hasPrefix, messageId, references } from "./thread.ts";

export interface Read {
  event: ChannelEvent;
  /** Its files, to be stored once its conversation is known. */
  uploads: Upload[];
}

/** Read a mail; `server` is how the account's mail server calls itself, where that is known. */
export function readMail(
  mail: Mail,
  { account, token }: Recipient,
  server: string | null,
): Read {
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
  const found = doubtOf(mail, server);
  const doubt = sender === mail.from || found === "dmarc" ? found : "reply_to";
  const emoji = reactionIn(mail);
  if (emoji) {
    return without(
      isBelievable(doubt, server) ? reactionOf(mail, sender, emoji) : ignored("reaction_of_nobody"),
    );
  }
  const attached = attachedTo(mail, messageId(mail));
  const message = messageOf(mail, { account, token, server, sender, doubt }, attached);
  return { event: { kind: "message", account, at, ...message }, uploads: attached.uploads };
}

function reactionOf(mail: Mail, sender: Mailbox, emoji: string): Happening {
  const id = answeredBy(mail) ?? references(mail)[0];
  if (!id) return ignored("reaction_to_nothing");
  return { kind: "reaction", id, emoji, customer: customerOf(sender) };
}

/** Whoever reacts shows nothing and reads nothing; where there is no verdict at all, that is taken. */
function isBelievable(doubt: Doubt | null, server: string | null): boolean {
  return doubt === null || (server === null && (doubt === "no_verdict" || doubt === "no_policy"));
}

/**
 * Return who wrote, or why there is nobody. `Reply-To` does not count: what a server vouches for is `From`,
 * and with it anybody could have us write to others. But a form on the team's own site, and a group that
 * the team reads, send in the team's name and put the customer there: whom nobody vouches for.
 */
function senderOf(mail: Mail, account: string): Mailbox | string {
  if (!mail.from) return "mail_of_nobody";
  const isOwn = (one: Mailbox) => replyAddress(one.address).account === account;
  if (!isOwn(mail.from)) return mail.from;
  return mail.replyTo && !isOwn(mail.replyTo) ? mail.replyTo : "own_mail";
}

interface Known {
  account: string;
  /** The conversation that the mail was sent to. */
  token: string | null;
  server: string | null;
  sender: Mailbox;
  doubt: Doubt | null;
}

function messageOf(
  mail: Mail,
  { account, token, server, sender, doubt }: Known,
  attached: Attached,
): Written {
  const isAnothers = doubt === "dmarc";
  const notAnswered = isAnothers ? "dmarc" : automaticBy(mail, account) ?? undefined;
  const maybeAutomatic = notAnswered ? undefined : maybeAutomaticBy(mail) ?? undefined;
  const subject = bareSubject(mail.subject) || undefined;
  const before = references(mail);
  const isAnswer = before.length > 0 || token !== null;
  const { content, original } = saidIn(mail, isAnswer || hasPrefix(mail.subject));
  const body = content || placeholder(mail, attached);
  const isNewSubject = !isAnswer || !hasPrefix(mail.subject); // clients put "Re:" before an old one
  return {
    id: messageId(mail),
    customer: customerOf(sender),
    type: typeOf(attached),
    content: (isNewSubject && subject ? withSubject(body, subject) : body) || "[Empty mail]",
    ...(attached.media.length && { media: attached.media }),
    metadata: present({
      subject,
      original_text: original,
      authentication: present(authenticationOf(mail, server)),
      unproven: doubt ?? undefined,
      not_answered: notAnswered,
      maybe_automatic: maybeAutomatic,
      reply_to_address: mail.replyTo?.address === sender.address
        ? undefined
        : mail.replyTo?.address,
      too_large: attached.tooLarge.length ? attached.tooLarge : undefined,
    }),
    reply_to: isAnothers ? undefined : answeredBy(mail),
    is_automatic: notAnswered !== undefined,
    ...(maybeAutomatic && { needs_human: true }),
    // Who may not be who they say goes on from nobody's conversation.
    thread: isAnothers ? { subject, is_separate: true } : {
      references: before,
      reply_token: token ?? undefined,
      subject,
      is_separate: doubt !== null || undefined,
    },
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
