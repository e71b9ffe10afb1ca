// What WhatsApp and Instagram have in common: how Meta proves itself (a token when a webhook is subscribed,
// a signature of each body), and the outermost shape of what it sends.

import { createHmac } from "node:crypto";
import { parseJson } from "./body.ts";
import type { ChannelEvent } from "./events.ts";
import { type Fields, fields, objects, text } from "./json.ts";
import { Refusal } from "./refusal.ts";
import { isSame } from "./same.ts";
import { findScope, type Scope } from "./secrets.ts";
import { storable } from "./storable.ts";
import type { Channel } from "./webhook.ts";

const MAX_BYTES = 5 * 1024 * 1024; // Meta sends 3 MB at most
const EARLIEST = Date.UTC(2000, 0);
const LATEST = Date.UTC(2100, 0);

/** A channel of Meta's, whose payloads `read` reads. */
export function metaChannel(type: string, read: (payload: unknown) => ChannelEvent[]): Channel {
  return {
    type,
    maxBytes: MAX_BYTES,
    subscribe: (request) => subscribe(type, request),
    authorise: (request, read) => checkSignature(type, request, read),
    parse: (body) => read(storable(parseJson(body))),
  };
}

/** Answer Meta's check of a new subscription with its challenge, where it knows our token. */
async function subscribe(channel: string, request: Request): Promise<Response> {
  const query = new URL(request.url).searchParams;
  const given = query.get("hub.verify_token") ?? "";
  const challenge = query.get("hub.challenge");
  if (query.get("hub.mode") !== "subscribe" || !challenge) {
    throw new Refusal(403, "no_subscription");
  }
  const scope = await findScope(channel, "verify_token", (token) => isSame(given, token));
  if (scope === null) throw new Refusal(403, "wrong_verify_token");
  return new Response(challenge, { headers: { "content-type": "text/plain; charset=utf-8" } });
}

/** Return whose app signed these very bytes; null where no secret makes that signature. */
async function checkSignature(
  channel: string,
  request: Request,
  read: () => Promise<Uint8Array>,
): Promise<Scope | null> {
  const header = request.headers.get("x-hub-signature-256") ?? "";
  const given = header.match(/^sha256=([0-9a-f]{64})$/i)?.[1].toLowerCase();
  if (!given) throw new Refusal(401, "no_signature");
  const body = await read();
  return await findScope(channel, "app_secret", (secret) => {
    return isSame(given, createHmac("sha256", secret).update(body).digest("hex"));
  });
}

/** Return the entries of a webhook about `object`; anything else is no webhook of the channel (400). */
export function readEntries(payload: unknown, object: string): Fields[] {
  const webhook = fields(payload);
  if (webhook.object !== object || !Array.isArray(webhook.entry)) {
    throw new Refusal(400, `not_${object}`);
  }
  return objects(webhook.entry);
}

/** Return the first of these that is a time of Meta's, in seconds or milliseconds; now, where none is. */
export function readTime(...values: unknown[]): string {
  const times = values.map((value) => Number(text(value)))
    .map((number) => number < 1e11 ? number * 1000 : number)
    .filter((time) => time > EARLIEST && time < LATEST);
  return new Date(times[0] ?? Date.now()).toISOString();
}
