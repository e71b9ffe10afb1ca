// The functions of the database that webhooks call, as the service role.

import type { PostgrestError } from "@supabase/supabase-js";
import type { ChannelEvent } from "./events.ts";
import { log } from "./log.ts";
import { project } from "./project.ts";
import { Refusal } from "./refusal.ts";

export interface Credential {
  /** Null where a row from before Romashka does not name its account. */
  account: string | null;
  name: string;
  value: string;
}

export interface Webhook {
  channel: string;
  payload: string;
  events: ChannelEvent[];
  headers: Record<string, string>;
}

export interface Result {
  outcome: string;
  message_id: string | null;
  conversation_id: string | null;
  error: string | null;
}

export interface Received {
  webhook_id: string;
  /** In the order of the events. */
  results: Result[];
}

interface Part {
  webhook_id: string;
  results: (Result & { place: number })[];
  next: number | null;
}

const TIMEOUT_MS = 15_000;
/** What one transaction applies: a backlog is seen, and answered, part by part. */
const EVENTS_A_PART = 100;

export function getCredentials(channel: string): Promise<Credential[]> {
  return call("get_channel_credentials", { channel_type: channel });
}

/** Whether the channel has one account and no other. */
export async function isOnlyAccount(channel: string): Promise<boolean> {
  const { data, error } = await project.from("communication_channels")
    .select("external_account_id").eq("type", channel).limit(2)
    .abortSignal(AbortSignal.timeout(TIMEOUT_MS)).retry(false); // the sender will
  if (!error) return data.length === 1;
  log("error", "database.refused", { table: "communication_channels", code: error.code });
  throw new Refusal(503, "accounts_unknown");
}

/** Store what came and apply its events, part by part; the same any number of times is once. */
export async function receiveWebhook(webhook: Webhook): Promise<Received> {
  const results: Result[] = [];
  let part = await call<Part>("receive_channel_webhook", {
    channel_type: webhook.channel,
    payload: webhook.payload,
    events: webhook.events,
    headers: webhook.headers,
    max_events: EVENTS_A_PART,
  });
  for (;;) {
    for (const { place, ...result } of part.results) results[place - 1] = result;
    if (part.next === null) return { webhook_id: part.webhook_id, results };
    part = await call<Part>("continue_channel_webhook", {
      webhook_id: part.webhook_id,
      from_event: part.next,
      max_events: EVENTS_A_PART,
    });
  }
}

async function call<Answer>(name: string, parameters: Record<string, unknown>): Promise<Answer> {
  const { data, error } = await project.rpc(name, parameters)
    .abortSignal(AbortSignal.timeout(TIMEOUT_MS));
  if (!error) return data;
  log("error", "database.refused", { function: name, code: error.code });
  throw new Refusal(statusOf(error), "not_stored");
}

/**
 * What the database calls bad input will be bad the next time too (4xx). Everything else (it is away, it
 * takes too long, a deadlock, migrations that are missing) is no fault of the sender, who tries again.
 */
function statusOf({ code }: PostgrestError): number {
  if (/^PT4\d\d$/.test(code)) return Number(code.slice(2));
  return /^22/.test(code) ? 400 : 503;
}
