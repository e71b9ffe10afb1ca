// What a message of WhatsApp's says, for a person to read, whatever its type; and what of it is more than
// text, for programs.

import { bounded } from "../_shared/bounded.ts";
import type { Media } from "../_shared/events.ts";
import { type Fields, fields, id, objects, present, short, text } from "../_shared/json.ts";

export interface Content {
  type: string;
  content: string;
  media?: Media[];
  metadata?: Record<string, unknown>;
  is_automatic?: boolean;
}

const READERS = new Map<string, (part: Fields) => Content>([
  ["text", (part) => said(text(part.body) ?? "[Empty message]")],
  ["image", (part) => file("image", "[Image]", part)],
  ["video", (part) => file("video", "[Video]", part)],
  ["audio", (part) => file("audio", part.voice === true ? "[Voice message]" : "[Audio]", part)],
  ["sticker", (part) => file("image", "[Sticker]", part)],
  [
    "document",
    (part) => file("document", `[Document: ${short(part.filename) ?? "unnamed"}]`, part),
  ],
  ["location", (part) => ({ type: "location", content: readLocation(part) })],
  ["interactive", (part) => said(readInteractive(part))],
  ["button", (part) => said(text(part.text) ?? text(part.payload) ?? "[Button]")],
  ["template", (part) => said(`[Template: ${short(part.name) ?? "unnamed"}]`)],
  ["order", (part) => said(readOrder(part))],
  ["system", (part) => ({ ...said(text(part.body) ?? "[System message]"), is_automatic: true })],
]);
const PLAIN = new Set(["image", "video", "audio", "sticker", "document", "text", "template"]);

export function readContent(message: Fields): Content {
  const type = text(message.type) ?? "nameless";
  const part = message[type];
  const errors = bounded(message.errors);
  if (type === "contacts") {
    return { ...said(readContacts(objects(part))), metadata: { contacts: bounded(part) } };
  }
  const read = READERS.get(type);
  if (!read) {
    return { ...said("[Unsupported message]"), metadata: present({ type: short(type), errors }) };
  }
  const metadata = { errors, [type]: PLAIN.has(type) ? undefined : bounded(part) };
  return { ...read(fields(part)), metadata: present(metadata) };
}

function said(content: string): Content {
  return { type: "text", content };
}

function file(type: string, name: string, part: Fields): Content {
  const media = present({
    id: id(part.id),
    url: text(part.url),
    mime_type: short(part.mime_type),
    name: short(part.filename),
    sha256: short(part.sha256),
  });
  return { type, content: text(part.caption) ?? name, media: media && [media] };
}

function readLocation(part: Fields): string {
  const place = [text(part.name), text(part.address)].filter(Boolean).join(", ");
  const point = [text(part.latitude), text(part.longitude)].filter(Boolean).join(", ");
  return [place, place && point ? `(${point})` : point].filter(Boolean).join(" ") || "[Location]";
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

function readInteractive(part: Fields): string {
  const reply = fields(part[text(part.type) ?? "nameless"]);
  if (part.type === "nfm_reply") return readForm(reply);
  if (part.type === "call_permission_reply") {
    return `[Call permission: ${short(reply.response) ?? "unknown"}]`;
  }
  const said = text(reply.title) ?? text(reply.description) ?? text(reply.id);
  return said ?? text(fields(part.body).text) ?? "[Reply]"; // a body has what the team sent
}

/** A form's answers, one a line; other forms (an address) come with a text of their own. */
function readForm(reply: Fields): string {
  const answers = Object.entries(readAnswers(reply.response_json))
    .filter(([name, answer]) => name !== "flow_token" && text(answer) !== undefined)
    .map(([name, answer]) => `${name.replaceAll("_", " ")}: ${text(answer)}`)
    .join("\n");
  const body = text(reply.body);
  return (reply.name === "flow" ? answers || body : body ?? answers) || "[Form]";
}

function readAnswers(json: unknown): Fields {
  try {
    return fields(JSON.parse(text(json) ?? "{}"));
  } catch {
    return {};
  }
}

function readOrder(part: Fields): string {
  const items = objects(part.product_items).map((item) => {
    const price = [text(item.item_price), text(item.currency)].filter(Boolean).join(" ");
    const product = text(item.product_retailer_id) ?? "unnamed product";
    return `${text(item.quantity) ?? 1} x ${product}${price && ` (${price} each)`}`;
  });
  return ["Order:", ...items, text(part.text)].filter(Boolean).join("\n");
}
