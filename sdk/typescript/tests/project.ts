/** Customers, staff and the worker of the project that the tests run against. */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import { after } from "node:test";

import { createClient } from "@supabase/supabase-js";
import { type Client, type Conversation, Romashka } from "romashka";
import { WebSocket } from "ws";

import { ANON_KEY, API_URL, SERVICE_ROLE_KEY } from "./settings.js";

/** What waits so long waits for as long as that in tests: a topic without a listener stays 2 s, reads are repeated after 4. */
const WAITS: Record<number, number> = { 2_000: 200, 4_000: 400 };
const waits = new AsyncLocalStorage<Record<number, number>>();

/** Run what has waits of its own: `{ 10_000: 500 }` is a request that fails after half a second. */
export function waiting<T>(milliseconds: Record<number, number>, run: () => T): T {
  return waits.run({ ...waits.getStore(), ...milliseconds }, run);
}

const { setTimeout: startTimer } = globalThis;
globalThis.setTimeout = ((callback: () => void, milliseconds = 0, ...rest: []) => {
  const wanted = waits.getStore()?.[milliseconds] ?? WAITS[milliseconds] ?? milliseconds;
  const timer = startTimer(callback, wanted, ...rest);
  // supabase-js leaves timers of ten seconds behind: they must not keep a test's process.
  return milliseconds >= 10_000 ? timer.unref() : timer;
}) as typeof setTimeout;

const REALTIME = { transport: WebSocket as never, reconnectAfterMs: () => 50 };
const opened: Client[] = [];
after(() => Promise.all(opened.map((client) => client.close())));

export function closeAfterwards<Each extends Client>(client: Each): Each {
  opened.push(client);
  return client;
}

export function connect(
  key: string,
  url = API_URL,
  fetch = globalThis.fetch,
  accessToken?: () => Promise<string | null>,
): Romashka {
  const supabase = createClient(url, key, {
    ...(accessToken
      ? { accessToken }
      : { auth: { persistSession: false, autoRefreshToken: false, storageKey: randomUUID() } }),
    global: { fetch },
    realtime: REALTIME,
  });
  return closeAfterwards(new Romashka(supabase));
}

/** A new customer, signed in anonymously. */
export async function newCustomer(url = API_URL): Promise<Romashka> {
  const client = connect(ANON_KEY, url);
  await client.signInAnonymously();
  return client;
}

export const service = connect(SERVICE_ROLE_KEY);

/** A new agent. */
export async function newAgent(url = API_URL): Promise<Romashka> {
  const client = await newCustomer(url);
  const { data } = await client.supabase.auth.getUser();
  const profiles = service.supabase.from("profiles");
  const { error } = await profiles.update({ role: "agent" }).eq("id", data.user!.id);
  if (error) throw error;
  return client;
}

export const newIdentifier = (): string => `visitor-${randomUUID()}`;

/** A conversation that a human has: nothing automatic comes between what a test writes. */
export async function quietConversation(client: Client, ...texts: string[]): Promise<Conversation> {
  const conversation = await client.conversations.create(newIdentifier());
  await (await service.conversations.get(conversation.id)).takeOver();
  for (const text of texts) await conversation.send(text);
  return conversation.refresh();
}

type Job = { job_id: string; attempt: number; conversation_id: string };
/** Claimed, and not asked for yet: several tests run at once, and a claim gives whatever there is. */
const claimed = new Map<string, Job>();
let claiming: Promise<void> | null = null;

async function claim(): Promise<void> {
  const all = { max_jobs: 10, wait_seconds: 1 };
  const jobs = await service.call("get_next_ai_response_job", all);
  for (const job of jobs) claimed.set(job.conversation_id, job);
}

/** Be the worker: claim until the job of that conversation comes, and settle it. */
export async function answerNext(conversationId: string, text: string, result = {}): Promise<void> {
  for (;;) {
    const job = claimed.get(conversationId);
    claimed.delete(conversationId);
    if (!job) {
      claiming ??= claim().finally(() => (claiming = null));
      await claiming;
      continue;
    }
    const { job_id, attempt } = job;
    const answer = { job_id, attempt, action: "reply", ai_response: text, ...result };
    const [settled] = await service.call("complete_ai_response_jobs", { results: [answer] });
    if (settled?.settled) return; // or the customer wrote more: then there is another job
  }
}

/** Return the next `count` values. */
export async function take<Value>(values: AsyncIterator<Value>, count: number): Promise<Value[]> {
  const taken: Value[] = [];
  while (taken.length < count) taken.push((await values.next()).value as Value);
  return taken;
}

/** Wait until something is so. */
export async function until(check: () => unknown): Promise<void> {
  const end = Date.now() + Number(process.env["PATIENCE"] ?? 60_000);
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`never: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
