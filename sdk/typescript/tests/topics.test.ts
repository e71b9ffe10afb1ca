/** Topics in every kind of trouble: the table that the Python SDK's tests play too. */
import { deepEqual } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

import { createClient } from "@supabase/supabase-js";
import { Conversation, type ConversationRow, Romashka, RomashkaError } from "romashka";
import { WebSocket } from "ws";

import { waiting } from "./project.js";
import { setting } from "./settings.js";
import { test } from "./together.js";

interface Scenario {
  name: string;
  sees: { messages: string[]; connection?: boolean[]; error?: string; within_seconds?: number };
}

const SCENARIOS = JSON.parse(readFileSync(setting("SCENARIOS"), "utf8")) as Scenario[];
const REALTIME = { transport: WebSocket as never, timeout: 1_500, reconnectAfterMs: () => 100 };

for (const [number, { name, sees }] of SCENARIOS.entries()) {
  const { within_seconds = 60, connection, ...expected } = sees;
  const run = async () => {
    const told = connection?.length ?? 0;
    const { connection: connected, ...seen } = await play(number, sees.messages.length || 1, told);
    deepEqual(seen, expected);
    if (connection) deepEqual(connected, connection);
  };
  test(name, () => waiting({ 10_000: 2_500 }, run), 1_000 * within_seconds);
}

/** As docs/sdk-typescript.md advises: Auth's requests have no time limit of their own. */
const fetchInTime: typeof fetch = (input, init) =>
  fetch(input, { ...init, signal: init?.signal ?? AbortSignal.timeout(2_000) });

/** Follow the conversation of a scenario until so much was told; return what was seen of it. */
async function play(number: number, count: number, told: number): Promise<Scenario["sees"]> {
  const url = `${setting("SCENARIOS_URL")}/${randomUUID()}/${number}`;
  const supabase = createClient(url, "anon", {
    auth: { persistSession: false, autoRefreshToken: false, storageKey: randomUUID() },
    global: { fetch: fetchInTime },
    realtime: REALTIME,
  });
  const client = new Romashka(supabase);
  const messages: string[] = [];
  const connection: boolean[] = [];
  try {
    await client.signInAnonymously();
    const row = { id: setting("SCENARIOS_CONVERSATION") } as ConversationRow;
    const onConnection = (isLive: boolean) => connection.push(isLive);
    const events = new Conversation(client, row).events({ onConnection });
    while (messages.length < count) messages.push((await events.next()).value!.message.content);
    // A message may be read before the loss of the connection is noticed.
    for (let tries = 0; connection.length < told && tries < 100; tries += 1) await pause(50);
    return { messages, connection: [...connection] };
  } catch (error) {
    return { messages, error: error instanceof RomashkaError ? error.name : String(error) };
  } finally {
    await client.close();
  }
}
