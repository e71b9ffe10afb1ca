// What a webhook of WhatsApp's Cloud API says: {entry: [{changes: [{field, value}]}]}, and in `value` whose
// number it is, who wrote, and lists of messages, echoes, statuses and errors.

import { bounded } from "../_shared/bounded.ts";
import {
  type ChannelEvent,
  type Customer,
  type DeliveryStatus,
  type Failure,
  type Happening,
  ignored,
} from "../_shared/events.ts";
import { type Fields, fields, id, objects, present, short, text } from "../_shared/json.ts";
import { readEntries, readTime } from "../_shared/meta.ts";
import { readContent } from "./content.ts";

type Timed = Happening & { at: string };

export function readWhatsApp(payload: unknown): ChannelEvent[] {
  return readEntries(payload, "whatsapp_business_account").flatMap((entry) =>
    objects(entry.changes).flatMap((change) => readChange(change, readTime(entry.time)))
  );
}

function readChange(change: Fields, at: string): ChannelEvent[] {
  const value = fields(change.value);
  const account = id(fields(value.metadata).phone_number_id) ?? null;
  const field = short(change.field) ?? "nameless";
  const found = account === null ? [] : readField(field, value, at);
  const events = found.length ? found : [{ ...ignored(field), at }];
  return events.map((event) => ({ ...event, account }));
}

function readField(field: string, value: Fields, at: string): Timed[] {
  const people = objects(value.contacts);
  if (field === "smb_message_echoes") {
    return objects(value.message_echoes).map((echo) => readEcho(echo, people));
  }
  if (field !== "messages") return [];
  return [
    ...objects(value.messages).map((message) => readMessage(message, people)),
    ...objects(value.statuses).map((status) => readStatus(status, people)),
    ...objects(value.errors).map((error) => ({ ...readProblem(error), at })),
  ];
}

function readMessage(message: Fields, people: Fields[]): Timed {
  const at = readTime(message.timestamp);
  const customer = readCustomer(message.from, message.from_user_id, message, people);
  if (!customer) return { ...ignored("message_of_nobody"), at };
  if (message.group_id !== undefined) return { ...ignored("group"), at };
  if (message.type === "request_welcome") return { ...ignored("request_welcome"), at };
  if (message.type === "reaction") {
    return { ...readReaction(fields(message.reaction), customer), at };
  }
  return { ...readWritten(message, customer, "message"), at };
}

/** What the team wrote in the WhatsApp Business app. */
function readEcho(echo: Fields, people: Fields[]): Timed {
  const at = readTime(echo.timestamp);
  const customer = readCustomer(echo.to, echo.to_user_id, echo, people);
  if (!customer) return { ...ignored("echo_to_nobody"), at };
  if (echo.type === "reaction") return { ...ignored("reaction_of_the_team"), at };
  return { ...readWritten(echo, customer, "echo"), at };
}

function readWritten(message: Fields, customer: Customer, kind: "message" | "echo"): Happening {
  const by = kind === "message" && { customer: { id: customer.id } };
  if (message.type === "revoke") {
    const original = id(fields(message.revoke).original_message_id);
    return original ? { kind: "deletion", id: original, ...by } : ignored("deletion_of_nothing");
  }
  if (message.type === "edit") {
    const edit = fields(message.edit);
    const original = id(edit.original_message_id);
    const { content } = readContent(fields(edit.message));
    return original ? { kind: "edit", id: original, content, ...by } : ignored("edit_of_nothing");
  }
  const own = id(message.id);
  if (!own) return ignored(`${kind}_without_id`);
  const { metadata, ...content } = readContent(message);
  const context = fields(message.context);
  return {
    kind,
    id: own,
    customer,
    ...content,
    reply_to: id(context.id),
    metadata: present({
      ...metadata,
      forwarded: context.forwarded === true || context.frequently_forwarded === true || undefined,
      referred_product: bounded(context.referred_product),
      referral: bounded(message.referral),
    }),
  };
}

/**
 * Who the message is from (or an echo to): by the phone number, where the person shows it, and by the id that
 * they have for this business alone. The system's message of a change names the new ones, which count from then.
 */
function readCustomer(
  phoneId: unknown,
  userId: unknown,
  message: Fields,
  people: Fields[],
): Customer | undefined {
  const system = fields(message.system);
  const person = findPerson(id(phoneId), id(userId), people);
  const numbers = [system.wa_id, system.new_wa_id, phoneId, person.wa_id, system.customer].map(id);
  const parents = [message.from_parent_user_id, message.to_parent_user_id, person.parent_user_id];
  const userIds = [system.user_id, userId, person.user_id, ...parents].map(id);
  const [first, ...others] = new Set([...numbers, ...userIds].filter((one) => one !== undefined));
  if (!first) return undefined;
  const profile = fields(person.profile);
  return {
    id: first,
    other_ids: others.length ? others : undefined,
    name: short(profile.name),
    username: short(profile.username),
    phone: numbers.filter((one) => /^\d{5,15}$/.test(one ?? "")).map((one) => `+${one}`)[0],
  };
}

/** The contact of that name; the only one, where the message names nobody. */
function findPerson(
  phoneId: string | undefined,
  userId: string | undefined,
  people: Fields[],
): Fields {
  if (!phoneId && !userId) return people.length === 1 ? people[0] : {};
  return people.find(({ wa_id, user_id }) =>
    (phoneId && id(wa_id) === phoneId) || (userId && id(user_id) === userId)
  ) ?? {};
}

function readReaction(reaction: Fields, customer: Customer): Happening {
  const target = id(reaction.message_id);
  if (!target) return ignored("reaction_to_nothing");
  return { kind: "reaction", id: target, emoji: short(reaction.emoji, 50) ?? null, customer };
}

const STATUSES = new Map<unknown, DeliveryStatus>([
  ["sent", "sent"],
  ["delivered", "delivered"],
  ["read", "read"],
  ["played", "read"], // a voice message that was heard
  ["failed", "failed"],
]);

function readStatus(status: Fields, people: Fields[]): Timed {
  const at = readTime(status.timestamp);
  const known = STATUSES.get(status.status);
  const message = id(status.id);
  if (!known || !message) {
    return { ...ignored(`status_${short(status.status, 50) ?? "nameless"}`), at };
  }
  const reference = id(status.biz_opaque_callback_data);
  const error = known === "failed" ? readError(objects(status.errors)[0] ?? {}) : undefined;
  const customer = readRecipient(status, people);
  return { kind: "status", id: message, status: known, customer, reference, error, at };
}

/** Whom it went to, as Meta names them, which may be otherwise than we did; a group is nobody. */
function readRecipient(status: Fields, people: Fields[]): Customer | undefined {
  if (status.recipient_type === "group") return undefined;
  const ids = [status.recipient_id, status.recipient_user_id].map(id);
  const person = findPerson(ids[0], ids[1], people);
  const parents = [status.recipient_parent_user_id, person.parent_user_id];
  const all = [...ids, ...[person.wa_id, person.user_id, ...parents].map(id)];
  const [first, ...others] = new Set(all.filter((one) => one !== undefined));
  return first ? { id: first, other_ids: others.length ? others : undefined } : undefined;
}

function readProblem(error: Fields): Happening {
  return { kind: "problem", error: readError(error) };
}

function readError(error: Fields): Failure {
  const details = fields(error.error_data).details;
  const message = text(details) ?? text(error.message) ?? text(error.title);
  return {
    code: short(error.code, 50) ?? "unknown",
    message: short(message) ?? "Meta gave no reason.",
  };
}
