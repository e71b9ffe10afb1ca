// What a webhook of Instagram's says, {entry: [{id, messaging: [event]}]}, or the same events one by one as
// {entry: [{id, changes: [{field, value: event}]}]}. An event has a sender, a recipient and one part more,
// whose name tells what happened.

import { bounded } from "../_shared/bounded.ts";
import { type ChannelEvent, type Customer, type Happening, ignored } from "../_shared/events.ts";
import { type Fields, fields, id, list, objects, present, short, text } from "../_shared/json.ts";
import { readEntries, readTime } from "../_shared/meta.ts";
import { readContent } from "./content.ts";

const NO_MESSAGING = new Set([
  "comments",
  "live_comments",
  "mentions",
  "story_insights",
  "standby",
]);

export function readInstagram(payload: unknown): ChannelEvent[] {
  return readEntries(payload, "instagram").flatMap((entry) => [
    ...objects(entry.messaging).flatMap((event) => readEvent(event, entry)),
    ...objects(entry.standby).flatMap((event) => told([ignored("standby")], event, entry)),
    ...objects(entry.changes).flatMap((change) => readChange(change, entry)),
  ]);
}

function readChange(change: Fields, entry: Fields): ChannelEvent[] {
  const field = short(change.field) ?? "nameless";
  const event = fields(change.value);
  const isMessaging = event.sender !== undefined && !NO_MESSAGING.has(field);
  return isMessaging ? readEvent(event, entry) : told([ignored(field)], event, entry);
}

function readEvent(event: Fields, entry: Fields): ChannelEvent[] {
  const part = PARTS.find(([name]) => event[name] !== undefined);
  const happenings = part ? part[1](fields(event[part[0]]), event, id(entry.id)) : [];
  return told(happenings.length ? happenings : [ignored(nameOf(event))], event, entry);
}

/** Say where and when: the account is the entry's; what names none can only be ignored. */
function told(happenings: Happening[], event: Fields, entry: Fields): ChannelEvent[] {
  const account = entry.id === "0" ? null : id(entry.id) ?? null; // 0: a trial from Meta's dashboard
  const at = readTime(event.timestamp, entry.time);
  return happenings.map((happening) => ({
    ...(account === null ? ignored("no_account") : happening),
    account,
    at,
  }));
}

const PARTS: [string, (part: Fields, event: Fields, account?: string) => Happening[]][] = [
  ["message", readMessage],
  ["message_edit", readEdit],
  ["postback", readPostback],
  ["reaction", readReaction],
  ["read", (read) => statuses("read", [read.mid])],
  ["delivery", (delivery) => statuses("delivered", list(delivery.mids))],
];

/** What else happened (referral, optin, pass_thread_control ...), by the name of its part. */
function nameOf(event: Fields): string {
  const known = new Set(["sender", "recipient", "timestamp"]);
  return short(Object.keys(event).find((name) => !known.has(name)), 50) ?? "nameless";
}

function readMessage(message: Fields, event: Fields, account?: string): Happening[] {
  const own = id(message.mid);
  if (!own) return [ignored("message_without_id")];
  if (message.is_deleted === true) {
    const by = message.is_echo === true ? {} : customerOf(event, account);
    return [{ kind: "deletion", id: own, ...by }];
  }
  if (message.is_self === true) return [ignored("message_to_itself")];
  const isEcho = message.is_echo === true;
  const customer = person(isEcho ? event.recipient : event.sender);
  if (!customer) return [ignored("message_of_nobody")];
  const written = { id: own, customer, ...readContent(message) };
  return [
    isEcho
      ? { kind: "echo", app_id: id(message.app_id), ...written }
      : { kind: "message", ...written },
  ];
}

/** A button, or a question that the team offers to newcomers: what it says is what the customer says. */
function readPostback(postback: Fields, event: Fields): Happening[] {
  const customer = person(event.sender);
  const own = id(postback.mid) ??
    (customer && id(`postback:${customer.id}:${text(event.timestamp)}`));
  if (!customer || !own) return [ignored("postback_of_nobody")];
  const content = text(postback.title) ?? text(postback.payload) ?? "[Button]";
  const metadata = {
    postback: bounded({ title: postback.title, payload: postback.payload }),
    referral: bounded(postback.referral),
  };
  return [{
    kind: "message",
    id: own,
    customer,
    type: "text",
    content,
    metadata: present(metadata),
  }];
}

function readReaction(reaction: Fields, event: Fields): Happening[] {
  const target = id(reaction.mid);
  const customer = person(event.sender);
  if (!target || !customer) return [ignored("reaction_to_nothing")];
  const emoji = reaction.action === "unreact"
    ? null
    : short(reaction.emoji, 50) ?? EMOJIS.get(text(reaction.reaction) ?? "") ?? "👍";
  return [{ kind: "reaction", id: target, emoji, customer }];
}

const EMOJIS = new Map([
  ["love", "❤️"],
  ["like", "👍"],
  ["dislike", "👎"],
  ["smile", "😆"],
  ["laugh", "😆"],
  ["wow", "😮"],
  ["sad", "😢"],
  ["angry", "😠"],
]);

function readEdit(edit: Fields, event: Fields, account?: string): Happening[] {
  const target = id(edit.mid);
  const content = text(edit.text);
  if (!target || !content) return [ignored("edit_of_nothing")];
  return [{ kind: "edit", id: target, content, ...customerOf(event, account) }];
}

/** Whose it is that a customer did; nothing where the team did it. */
function customerOf(event: Fields, account?: string): { customer?: Customer } {
  const sender = person(event.sender);
  return sender && sender.id !== account ? { customer: { id: sender.id } } : {};
}

function statuses(status: "read" | "delivered", ids: unknown[]): Happening[] {
  return ids.map((one) => id(one)).filter((one) => one !== undefined)
    .map((one) => ({ kind: "status", id: one, status }));
}

function person(party: unknown): Customer | undefined {
  const { id: own, username, name } = fields(party);
  const found = id(own);
  return found ? { id: found, username: short(username), name: short(name) } : undefined;
}
