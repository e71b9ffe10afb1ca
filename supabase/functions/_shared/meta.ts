// How Meta proves itself, for WhatsApp and Instagram alike: a token when a webhook is subscribed (GET), a
// signature of each body (POST).

import { createHmac } from "node:crypto";
import { Refusal } from "./refusal.ts";
import { isSame } from "./same.ts";
import { findScope, type Scope } from "./secrets.ts";

export const MAX_BYTES = 5 * 1024 * 1024; // Meta sends 3 MB at most

/** Answer Meta's check of a new subscription with its challenge, where it knows our token. */
export async function subscribe(channel: string, request: Request): Promise<Response> {
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

/** Return whose app signed these very bytes; a signature that nobody's secret makes is refused (401). */
export async function checkSignature(
  channel: string,
  request: Request,
  body: Uint8Array,
): Promise<Scope | null> {
  const header = request.headers.get("x-hub-signature-256") ?? "";
  const given = header.match(/^sha256=([0-9a-f]{64})$/i)?.[1].toLowerCase();
  if (!given) throw new Refusal(401, "no_signature");
  return await findScope(channel, "app_secret", (secret) => {
    return isSame(given, createHmac("sha256", secret).update(body).digest("hex"));
  });
}
