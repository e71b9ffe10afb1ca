// The way of every webhook: who sent it, what it says, one call of the database, an answer.
//
// A crash at any point stores nothing, or everything: the sender hears no 200 and sends it again, and what
// is stored already is found to be.

import { readBody } from "./body.ts";
import { type Received, receiveWebhook } from "./database.ts";
import type { ChannelEvent } from "./events.ts";
import { log } from "./log.ts";
import { Refusal } from "./refusal.ts";
import type { Scope } from "./secrets.ts";
import { isServiceRole } from "./service_role.ts";
import { storable } from "./storable.ts";

type Body = Uint8Array<ArrayBuffer>;

/** What makes a channel: how its sender proves itself, and what its payloads say. */
export interface Channel {
  type: string;
  maxBytes: number;
  /**
   * Return whose events the sender may bring, or null; runs before anything is parsed. Who need not know the
   * body for that does not read it: strangers would fill the memory.
   */
  authorise(request: Request, read: () => Promise<Body>): Promise<Scope | null>;
  /** Return what the payload says, in its order; throws a Refusal (400) where it is none of the channel's. */
  parse(body: Body, request: Request, scope: Scope): ChannelEvent[] | Promise<Parsed>;
  /** Answer a GET, where the channel has one. */
  subscribe?(request: Request): Promise<Response>;
}

export interface Parsed {
  events: ChannelEvent[];
  /** What is kept for replay, where it is not simply the body. */
  kept?: { payload: string; headers: Record<string, string> };
  /** Does what needs the ids of what was stored; what it throws makes the sender come again. */
  finish?(received: Received): Promise<void>;
}

export function webhook(channel: Channel): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      if (request.method === "GET" && channel.subscribe) return await channel.subscribe(request);
      if (request.method !== "POST") throw new Refusal(405, "method_not_allowed");
      return Response.json(await receive(channel, request));
    } catch (error) {
      return refuse(channel, error);
    }
  };
}

async function receive(channel: Channel, request: Request) {
  let reading: Promise<Body> | undefined;
  const read = () => reading ??= readBody(request, channel.maxBytes);
  const scope = isServiceRole(request) ? "every account" : await channel.authorise(request, read);
  if (scope === null) throw new Refusal(401, "not_authorised");
  const body = await read();
  const { events, kept, finish } = await parse(channel, body, request, scope);
  checkAccounts(events, scope);
  const received = await receiveWebhook(storable({
    channel: channel.type,
    payload: kept?.payload ?? new TextDecoder().decode(body),
    events,
    headers: kept?.headers ?? { "content-type": request.headers.get("content-type") ?? "" },
  }));
  await finish?.(received);
  const outcomes = count(received.results.map(({ outcome }) => outcome));
  const { webhook_id } = received;
  log(outcomes.failed ? "warning" : "info", "webhook.received", {
    channel: channel.type,
    webhook_id,
    outcomes,
  });
  return { webhook_id, outcomes };
}

/** A payload on which the channel's own code breaks is kept, too: once that is mended, it is replayed. */
async function parse(
  channel: Channel,
  body: Body,
  request: Request,
  scope: Scope,
): Promise<Parsed> {
  try {
    const parsed = await channel.parse(body, request, scope);
    return Array.isArray(parsed) ? { events: parsed } : parsed;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const name = error instanceof Error ? error.name : undefined;
    log("error", "webhook.unreadable", { channel: channel.type, error: name });
    return { events: [{ kind: "unreadable", account: null, at: new Date().toISOString() }] };
  }
}

/** An account's own secret lets nobody write in another's name. */
function checkAccounts(events: ChannelEvent[], scope: Scope): void {
  if (scope === "every account") return;
  const isForeign = ({ account }: ChannelEvent) => account !== null && !scope.has(account);
  if (events.some(isForeign)) {
    throw new Refusal(
      403,
      "foreign_account",
      "The secret belongs to another account of the channel.",
    );
  }
}

function count(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Whatever went wrong in an unforeseen way is ours, not the sender's: 500, so that it comes again. */
function refuse(channel: Channel, error: unknown): Response {
  const { status, reason, hint } = error instanceof Refusal
    ? error
    : new Refusal(500, "crashed", error instanceof Error ? error.name : undefined);
  const level = status < 500 ? "warning" : "error";
  log(level, "webhook.refused", { channel: channel.type, status, reason, hint });
  const allow = channel.subscribe ? "GET, POST" : "POST";
  return Response.json({ error: reason }, { status, headers: status === 405 ? { allow } : {} });
}
