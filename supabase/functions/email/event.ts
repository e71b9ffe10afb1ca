// A mail becomes an event: a message of its customer, or what a report says of a mail of ours.

import {
  type ChannelEvent,
  type Customer,
  type Happening,
  ignored,
  type Thread,
  type Written,
} from "../_shared/events.ts";
import { present } from "../_shared/json.ts";
import type { Account, Recipient } from "./account.ts";
import { replyAddress } from "./addresses.ts";
import { authenticationOf, type Doubt, doubtOf } from "./authentication.ts";
import { automaticBy, isReport, maybeAutomaticBy } from "./automatic.ts";
import { type Attached, attachedTo, type Upload } from "./files.ts";
import { type Mail, type Mailbox, readTime } from "./mail.ts";
import { reactionIn } from "./reaction.ts";
import { reportedBy } from "./report.ts";
import { type Said, saidIn, withSubject } from "./text.ts";
import { answeredBy, bareSubject, hasPrefix, messageId, references } from "./thread.ts";

const ENCRYPTED = "[Encrypted mail]";

export interface Read {
  event: ChannelEvent;
  /** Its files, to be stored once its conversation is known. */
  uploads: Upload[];
}

/** Read a mail for one of the team's addresses; `settings` are of its account, where it is known. */
export function readMail(
  mail: Mail,
  { account, token, others }: Recipient,
  settings: Pick<Account, "server" | "trusted"> = { server: null, trusted: [] },
): Read {
  const { server } = settings;
  const at = readTime(mail.date);
  const without = (happening: Happening): Read => ({
    event: { ...happening, account, at },
    uploads: [],
  });
  if (!account) return without(ignored("mail_to_nobody"));
  const report = isReport(mail) ? reportedBy(mail, account, at) : null;
  if (report) return { event: report, uploads: [] };
  if (!mail.from) return without(ignored("mail_of_nobody"));
  const found = doubtOf(mail, server);
  const isTrusted = found === null && settings.trusted.includes(mail.from.address);
  const sender = senderOf(mail, account, isTrusted);
  if (!sender) return without(ignored("own_mail"));
  const doubt = sender === mail.from || found === "dmarc" ? found : "reply_to";
  const emoji = reactionIn(mail);
  if (emoji) {
    return without(
      isBelievable(doubt, server) ? reactionOf(mail, sender, emoji) : ignored("reaction_of_nobody"),
    );
  }
  const attached = attachedTo(mail, messageId(mail));
  const known = {
    account,
    token,
    others,
    server,
    sender,
    doubt,
    isContactForm: isTrusted && sender !== mail.from,
  };
  const message = messageOf(mail, known, attached);
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
 * Return who wrote; null where that is the account itself. `Reply-To` does not count: what a server vouches for is
 * `From`, and with it anybody could have us write to others. But a form on the team's own site, a form's service that
 * the team trusts, and a group that the team reads put the customer there: whom nobody vouches for.
 */
function senderOf(mail: Mail, account: string, isTrusted: boolean): Mailbox | null {
  const isOwn = (one: Mailbox) => replyAddress(one.address).account === account;
  const { from, replyTo } = mail;
  if (from && !isOwn(from) && !isTrusted) return from;
  if (replyTo && !isOwn(replyTo) && replyTo.address !== from?.address) return replyTo;
  return from && !isOwn(from) ? from : null;
}

/** What is known of a mail beside what it says. */
interface Known {
  account: string;
  /** The conversation that the mail was sent to. */
  token: string | null;
  others: string[];
  server: string | null;
  sender: Mailbox;
  doubt: Doubt | null;
  /** Did somebody fill in a form that a trusted sender sends? */
  isContactForm: boolean;
}

function messageOf(
  mail: Mail,
  { account, token, others, server, sender, doubt, isContactForm }: Known,
  attached: Attached,
): Written {
  const isAnothers = doubt === "dmarc";
  const notAnswered = isAnothers ? "dmarc" : automaticBy(mail, account, isContactForm) ?? undefined;
  const maybeAutomatic = notAnswered || isContactForm
    ? undefined
    : maybeAutomaticBy(mail) ?? undefined;
  const isAnswer = references(mail).length > 0 || token !== null;
  const { content, original } = contentOf(mail, attached, isAnswer);
  return {
    id: messageId(mail),
    customer: customerOf(sender),
    type: typeOf(attached),
    content,
    ...(attached.media.length && { media: attached.media }),
    metadata: present({
      subject: bareSubject(mail.subject) || undefined,
      original_text: original,
      authentication: present(authenticationOf(mail, server)),
      unproven: doubt ?? undefined,
      not_answered: notAnswered,
      maybe_automatic: maybeAutomatic,
      reply_to_address: mail.replyTo?.address === sender.address
        ? undefined
        : mail.replyTo?.address,
      is_cut: mail.isCut || undefined,
      too_large: attached.tooLarge.length ? attached.tooLarge : undefined,
    }),
    reply_to: isAnothers ? undefined : answeredBy(mail),
    is_automatic: notAnswered !== undefined,
    ...(maybeAutomatic && { needs_human: true }),
    thread: threadOf(mail, { token, others, doubt }),
  };
}

/** Return what staff and the AI read, and where it is less than all that came, the whole. */
function contentOf(mail: Mail, attached: Attached, isAnswer: boolean): Said {
  const { content: said, original } = saidIn(mail, isAnswer || hasPrefix(mail.subject));
  const isArmoured = /^-----BEGIN PGP MESSAGE-----\n[^]*-----END PGP MESSAGE-----$/.test(said);
  const body = isArmoured ? ENCRYPTED : said || placeholder(mail, attached);
  const subject = bareSubject(mail.subject);
  const isNewSubject = !isAnswer || !hasPrefix(mail.subject); // clients put "Re:" before an old one
  const content = isNewSubject && subject ? withSubject(body, subject) : body;
  return { content: content || "[Empty mail]", original };
}

/** Who may not be who they say goes on from nobody's conversation. */
function threadOf(
  mail: Mail,
  { token, others, doubt }: Pick<Known, "token" | "others" | "doubt">,
): Thread {
  const subject = bareSubject(mail.subject) || undefined;
  if (doubt === "dmarc") return { subject, is_separate: true };
  return {
    references: references(mail),
    reply_token: token ?? undefined,
    accounts: others.length ? others : undefined,
    subject,
    is_separate: doubt !== null || undefined,
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
  if (isEncrypted) return ENCRYPTED;
  return [...media, ...tooLarge].map(({ name }) => `[Document: ${name}]`).join("\n");
}
