import { Buffer } from "node:buffer";
import { bearerToken } from "../_shared/service_role.ts";
import { findScope, type Scope } from "../_shared/secrets.ts";
import { isSame } from "../_shared/same.ts";
import { type Parsed, webhook } from "../_shared/webhook.ts";
import { connectedAccounts, recipientOf } from "./account.ts";
import { readMail } from "./event.ts";
import { upload } from "./files.ts";
import { keptOf } from "./kept.ts";
import { parsePosted } from "./posted.ts";
import { readOutgoing } from "./postmark.ts";

const MAX_BYTES = 35 * 1024 * 1024; // Postmark's limit; with base64 a third of it is no content

Deno.serve(webhook({ type: "email", maxBytes: MAX_BYTES, authorise, parse }));

/** Mail services cannot sign: they send a token, as the password in the webhook's URL or as a bearer's. */
async function authorise(request: Request): Promise<Scope | null> {
  const given = bearerToken(request) ?? basicPassword(request) ?? "";
  return await findScope("email", "webhook_token", (token) => isSame(given, token));
}

function basicPassword(request: Request): string | undefined {
  const [, encoded] = request.headers.get("authorization")?.match(/^Basic +(\S+)$/i) ?? [];
  return encoded && Buffer.from(encoded, "base64").toString().match(/^[^:]*:(.*)$/s)?.[1];
}

async function parse(
  body: Uint8Array<ArrayBuffer>,
  request: Request,
  scope: Scope,
): Promise<Parsed> {
  const posted = await parsePosted(body, request);
  const accounts = await connectedAccounts();
  const connected = accounts.map(({ address }) => address);
  if ("json" in posted) return { events: [readOutgoing(posted.json, connected)] };
  const recipient = recipientOf(posted.mail, connected, scope);
  const account = accounts.find(({ address }) => address === recipient.account);
  const { event, uploads } = readMail(posted.mail, recipient, account);
  return {
    events: [event],
    kept: keptOf(posted.mail, body),
    async finish({ results: [{ conversation_id }] }) {
      if (conversation_id) await upload(uploads, conversation_id);
    },
  };
}
