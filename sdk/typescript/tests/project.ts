/** Customers, staff and the worker of the project that the tests run against. */
import { randomUUID } from "node:crypto";
import { after } from "node:test";

import { createClient } from "@supabase/supabase-js";
import { type Client, type Conversation, Romashka } from "romashka";
import { WebSocket } from "ws";

import { ANON_KEY, API_URL, SERVICE_ROLE_KEY } from "./settings.js";

/** For how long a request waits: a test that has one fail need not wait for ten seconds. */
export const patience = { requestMs: 10_000 };

// supabase-js leaves timers of ten seconds behind: they must not keep a test's process.
const { setTimeout: startTimer } = globalThis;
globalThis.setTimeout = ((callback: () => void, milliseconds = 0, ...rest: []) => {
  const wanted = milliseconds === 10_000 ? patience.requestMs : milliseconds;
  const timer = startTimer(callback, wanted, ...rest);
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

/** A client whose session is somebody else's business. */
export function connectWith(accessToken: () => Promise<string>): Romashka {
  const supabase = createClient(API_URL, ANON_KEY, { accessToken, realtime: REALTIME });
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
export async function quietConversation(
  client: Romashka,
  ...texts: string[]
): Promise<Conversation> {
  const conversation = await client.conversations.create(newIdentifier());
  await (await service.conversations.get(conversation.id)).takeOver();
  for (const text of texts) await conversation.send(text);
  return conversation.refresh();
}

/** Be the worker: claim until the job of that conversation comes, and settle it. */
export async function answerNext(conversationId: string, text: string, result = {}): Promise<void> {
  for (;;) {
    const jobs = await service.call("get_next_ai_response_job", { max_jobs: 1, wait_seconds: 2 });
    for (const { job_id, attempt, conversation_id } of jobs) {
      const isMine = conversation_id === conversationId;
      const answer = { job_id, attempt, action: "reply", ai_response: isMine ? text : "other" };
      const results = [{ ...answer, ...(isMine ? result : {}) }];
      await service.call("complete_ai_response_jobs", { results });
      if (isMine) return;
    }
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
