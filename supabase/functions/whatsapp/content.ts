// What a message of WhatsApp's says, for a person to read, whatever its type; and what of it is more than
// text, for programs.

import { bounded } from "../_shared/bounded.ts";
import { readChoice } from "../_shared/choice.ts";
import type { Media } from "../_shared/events.ts";
import { type Fields, fields, id, objects, present, short, text } from "../_shared/json.ts";
import { readAnswers } from "./flow.ts";

export interface Content {
  type: string;
  content: string;
  media?: Media[];
  metadata?: Record<string, unknown>;
  is_automatic?: boolean;
  is_placeholder?: boolean;
  is_unsupported?: boolean;
}

const READERS = new Map<string, (part: Fields) => Content>([
  ["text", (part) => said(text(part.body), "[Empty message]")],
  ["image", (part) => file("image", "[Image]", part)],
  ["video", (part) => file("video", "[Video]", part)],
  ["audio", (part) => file("audio", part.voice === true ? "[Voice message]" : "[Audio]", part)],
  ["sticker", (part) => file("image", "[Sticker]", part)],
  [
    "document",
    (part) => file("document", `[Document: ${short(part.filename) ?? "unnamed"}]`, part),
  ],
  ["location", readLocation],
  ["interactive", readInteractive],
  ["button", (part) => said(text(part.text) ?? text(part.payload), "[Button]")],
  ["template", (part) => said(undefined, `[Template: ${short(part.name) ?? "unnamed"}]`)],
  ["order", readOrder],
  ["system", (part) => ({ ...said(text(part.body), "[System message]"), is_automatic: true })],
]);
const PLAIN = new Set(["image", "video", "audio", "sticker", "document", "text", "template"]);

export function readContent(message: Fields): Content {
  const type = text(message.type) ?? "nameless";
  const part = message[type];
  const errors = bounded(message.errors);
  if (type === "contacts") {
    return {
      ...said(undefined, readContacts(objects(part))),
      metadata: { contacts: bounded(part) },
    };
  }
  const read = READERS.get(type);
  if (!read) return readUnsupported(type, message);
  const content = read(fields(part));
  const own = { errors, [type]: PLAIN.has(type) ? undefined : bounded(part) };
  return { ...content, metadata: present({ ...content.metadata, ...own }) };
}

/** What Meta tells of a message that it does not hand on, or of a type that is not known yet. */
function readUnsupported(type: string, message: Fields): Content {
  const kind = short(fields(message.unsupported).type, 50);
  return {
    ...said(undefined, kind ? `[Unsupported message: ${kind}]` : "[Unsupported message]"),
    is_unsupported: true,
    metadata: present({
      type: short(type),
      unsupported: bounded(message.unsupported),
      errors: bounded(message.errors),
    }),
  };
}

/** What the customer said, or what stands for it. */
function said(words: string | undefined, placeholder: string): Content {
  return words === undefined
    ? { type: "text", content: placeholder, is_placeholder: true }
    : { type: "text", content: words };
}

function file(type: string, name: string, part: Fields): Content {
  const media = present({
    id: id(part.id),
    url: text(part.url),
    mime_type: short(part.mime_type),
    name: short(part.filename),
    sha256: short(part.sha256),
  });
  return { ...said(text(part.caption), name), type, media: media && [media] };
}

function readLocation(part: Fields): Content {
  const place = [text(part.name), text(part.address)].filter(Boolean).join(", ");
  const point = [text(part.latitude), text(part.longitude)].filter(Boolean).join(", ");
  const shown = [place, place && point ? `(${point})` : point].filter(Boolean).join(" ");
  return { ...said(undefined, shown || "[Location]"), type: "location" };
}

function readContacts(contacts: Fields[]): string {
  const lines = contacts.map((contact) => {
    const name = fields(contact.name);
    const numbers = objects(contact.phones).map(({ phone, wa_id }) => text(phone) ?? text(wa_id));
    const addresses = objects(contact.emails).map(({ email }) => text(email));
    const called = text(name.formatted_name) ?? text(name.first_name);
    return [called, ...numbers, ...addresses].filter(Boolean).join(", ");
  });
  return lines.filter(Boolean).map((line) => `Contact: ${line}`).join("\n") || "[Contact]";
}

function readInteractive(part: Fields): Content {
  const reply = fields(part[text(part.type) ?? "nameless"]);
  if (part.type === "nfm_reply") return readForm(reply);
  if (part.type === "call_permission_reply") {
    return said(undefined, `[Call permission: ${short(reply.response) ?? "unknown"}]`);
  }
  const choice = readChoice(reply.id);
  const named = [reply.title, reply.description, reply.id].map(text);
  if (choice) named.unshift(text(reply.description)); // of a label that the title has no room for
  const chosen = named.find((name) => name !== undefined);
  const words = chosen ?? text(fields(part.body).text); // a body has what the team sent
  return { ...said(words, "[Reply]"), metadata: present({ choice }) };
}

/** A form's answers, one a line; other forms (an address) come with a text of their own. */
function readForm(reply: Fields): Content {
  const { lines, media } = readAnswers(reply.response_json);
  const answers = lines.join("\n") || undefined;
  const body = text(reply.body);
  const words = reply.name === "flow" ? answers ?? body : body ?? answers;
  return { ...said(words, "[Form]"), media: media.length ? media : undefined };
}

function readOrder(part: Fields): Content {
  const items = objects(part.product_items).map((item) => {
    const price = [text(item.item_price), text(item.currency)].filter(Boolean).join(" ");
    const product = text(item.product_retailer_id) ?? "unnamed product";
    return `${text(item.quantity) ?? 1} x ${product}${price && ` (${price} each)`}`;
  });
  const words = text(part.text);
  const order = ["Order:", ...items, words].filter(Boolean).join("\n");
  return { ...said(undefined, order), is_placeholder: words === undefined || undefined };
}
