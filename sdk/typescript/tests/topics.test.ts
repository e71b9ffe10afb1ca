/** Topics in every kind of trouble: the table that the Python SDK's tests play too. */
import { deepEqual } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

import { createClient } from "@supabase/supabase-js";
import { Client, Conversation, type ConversationRow, Romashka, RomashkaError } from "romashka";
import { connectParts } from "romashka/parts";
import { WebSocket } from "ws";

import { type Form, testForms } from "./forms.js";
import { waiting } from "./project.js";
import { setting } from "./settings.js";
import { test } from "./together.js";

interface Scenario {
  name: string;
  sees: { messages: string[]; connection?: boolean[]; error?: string; within_seconds?: number };
}

const SCENARIOS = JSON.parse(readFileSync(setting("SCENARIOS"), "utf8")) as Scenario[];
const REALTIME = { transport: WebSocket as never, timeout: 3_000, reconnectAfterMs: () => 100 };

for (const [number, { name, sees }] of SCENARIOS.entries()) {
  const { within_seconds = 60, connection, ...expected } = sees;
  const run = async (form: Form) => {
    const told = connection?.length ?? 0;
    const { connection: connected, ...seen } = await follow(
      form,
      number,
      sees.messages.length || 1,
      told,
    );
    deepEqual(seen, expected);
    if (connection) deepEqual(connected, connection);
  };
  const play = (form: Form) => waiting({ 10_000: 2_500 }, () => run(form));
  const limit = 1_000 * within_seconds;
  // Whose session is over, an application that brings its tokens knows itself.
  if (sees.error === "NotSignedIn") test(name, () => play("supabase-js"), limit);
  else testForms(name, play, limit);
}

/** As docs/sdk-typescript.md advises: Auth's requests have no time limit of their own. */
const fetchInTime: typeof fetch = (input, init) =>
  fetch(input, { ...init, signal: init?.signal ?? AbortSignal.timeout(2_000) });

/** Follow the conversation of a scenario until so much was told; return what was seen of it. */
async function follow(
  form: Form,
  number: number,
  count: number,
  told: number,
): Promise<Scenario["sees"]> {
  const url = `${setting("SCENARIOS_URL")}/${randomUUID()}/${number}`;
  const supabase = createClient(url, "anon", {
    auth: { persistSession: false, autoRefreshToken: false, storageKey: randomUUID() },
    global: { fetch: fetchInTime },
    realtime: REALTIME,
  });
  const account = new Romashka(supabase);
  const accessToken = async () => (await supabase.auth.getSession()).data.session!.access_token;
  const parts = { accessToken, fetch: fetchInTime, realtime: REALTIME };
  const client = form === "parts" ? new Client(connectParts(url, "anon", parts)) : account;
  const messages: string[] = [];
  const connection: boolean[] = [];
  try {
    await account.signInAnonymously();
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
