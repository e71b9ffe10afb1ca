// What the stores cost, beside bare `inbox.live()` in one run: the same changes, each in a process of its own.
// With a stack running (`romashka start`), and after `npm run build`:
//
//   set -a && eval "$(romashka status -o env)" && node bench/stores.mjs [seconds of loss, 60 unless told]
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";

import { createClient } from "@supabase/supabase-js";
import { Romashka } from "romashka";
import { WebSocket } from "ws";

const SECONDS = 10;
const CHANGES_A_SECOND = 100;
const CONVERSATIONS = 300;

const { API_URL, SERVICE_ROLE_KEY } = process.env;

/** A client whose requests are counted, and lost as `spoil` says. */
function connect(spoil = async (send) => send()) {
  const counted = { requests: 0 };
  const supabase = createClient(API_URL, SERVICE_ROLE_KEY, {
    auth: { persistSession: false, autoRefreshToken: false, storageKey: randomUUID() },
    global: {
      fetch: (...request) => {
        counted.requests += 1;
        return spoil(() => fetch(...request));
      },
    },
    realtime: { transport: WebSocket, reconnectAfterMs: () => 100 },
  });
  return Object.assign(new Romashka(supabase), { counted });
}

const isLive = (store) => store.getSnapshot().state === "live";
const until = async (check) => {
  while (!(await check())) await pause(20);
};
const quantile = (values, share) =>
  values.toSorted((one, other) => one - other)[Math.floor(share * values.length)];

async function newConversations(service, count, tag) {
  const rows = [...Array(count).keys()].map((number) => ({
    channel_type: "website",
    status: "active",
    tags: [tag],
    last_message_at: new Date(Date.now() - number * 1_000).toISOString(),
  }));
  for (let from = 0; from < count; from += 1_000) {
    const part = service.supabase.from("conversations").insert(rows.slice(from, from + 1_000));
    const { error } = await part;
    if (error) throw error;
  }
}

async function idsOf(service, tag) {
  const rows = await service.conversations.list({ tags: [tag], limit: CONVERSATIONS });
  return rows.map(({ id }) => id);
}

/** Change a conversation so often a second: its last message, and its place in the list. */
async function storm(service, ids, seconds) {
  const begin = performance.now();
  const under = new Set();
  for (let number = 0; number < seconds * CHANGES_A_SECOND; number += 1) {
    const wait = begin + (number * 1_000) / CHANGES_A_SECOND - performance.now();
    if (wait > 0) await pause(wait);
    const at = new Date().toISOString();
    const row = { last_message: `${number}`, last_message_at: at };
    const id = ids[Math.floor(Math.random() * ids.length)];
    const changed = service.supabase.from("conversations").update(row).eq("id", id).then();
    under.add(changed);
    void changed.then(() => under.delete(changed));
  }
  await Promise.all(under);
}

/** In a process of its own: follow the storm, bare or by a view, and say what it took. */
async function follow(what, tag) {
  const client = connect();
  const delays = [];
  let renders = 0;
  let events = 0;
  const arrived = new Map();
  if (what === "bare") {
    void (async () => {
      for await (const _ of client.inbox.live()) events += 1;
    })();
    await pause(1_500);
  } else {
    const view = client.inbox.view({ tags: [tag], limit: 50 });
    client.inbox.observe(() => (events += 1));
    const heard = client.topics.listen("inbox");
    void (async () => {
      for await (const { event, payload } of heard) {
        if (event !== "conversation.changed") continue;
        arrived.set(payload.conversation.id, [payload.conversation.updated_at, performance.now()]);
      }
    })();
    view.subscribe(() => {
      renders += 1;
      for (const { id, updated_at } of view.getSnapshot().rows.slice(0, 5)) {
        const [at, since] = arrived.get(id) ?? [];
        if (at !== updated_at) continue;
        arrived.delete(id);
        delays.push(performance.now() - since);
      }
    });
    await until(() => isLive(view));
    await pause(500);
  }
  process.send("ready");
  const requests = client.counted.requests;
  const before = process.cpuUsage();
  renders = events = 0;
  await once(process, "message");
  const { user, system } = process.cpuUsage(before);
  const all = { cpu: (user + system) / 1_000, events, renders };
  const delay = delays.length ? { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99) } : null;
  process.send({ ...all, delay, requests: client.counted.requests - requests });
  process.disconnect();
  process.exit();
}

async function measureStorm(service) {
  const tag = randomUUID();
  await newConversations(service, CONVERSATIONS, tag);
  const ids = await idsOf(service, tag);
  const file = fileURLToPath(import.meta.url);
  const children = ["bare", "view"].map((what) => fork(file, ["--follow", what, tag]));
  await Promise.all(children.map((child) => once(child, "message")));
  await storm(service, ids, SECONDS);
  await pause(300);
  const [bare, view] = await Promise.all(
    children.map(async (child) => {
      child.send("end");
      return (await once(child, "message"))[0];
    }),
  );
  console.log(`storm      bare ${bare.cpu.toFixed(0)} ms of CPU for ${bare.events} events`);
  console.log(
    `           view ${view.cpu.toFixed(0)} ms (${(view.cpu / bare.cpu).toFixed(2)}), ` +
      `${view.requests} requests, ${(view.renders / SECONDS).toFixed(1)} renders a second, ` +
      `shown after ${view.delay.p50.toFixed(1)} ms (p50), ${view.delay.p99.toFixed(1)} ms (p99)`,
  );
}

/** What an event costs where 10,000 rows are held. */
async function measureManyRows(service) {
  const tag = randomUUID();
  await newConversations(service, 10_000, tag);
  const client = connect();
  const view = client.inbox.view({ tags: [tag], limit: 10_000 });
  view.subscribe(() => {});
  await until(() => isLive(view) && view.getSnapshot().rows.length === 10_000);
  const { rows } = view.getSnapshot();
  const changes = [...Array(2_000).keys()].map((number) => ({
    ...rows[(number * 7) % rows.length],
    updated_at: new Date(Date.now() + 60_000 + number).toISOString(),
    last_message_at: new Date(Date.now() + 60_000 + number).toISOString(),
  }));
  const begin = performance.now();
  changes.forEach((row) => view.onChanged([row]));
  const each = (performance.now() - begin) / changes.length;
  console.log(`10,000     ${each.toFixed(3)} ms an event, each in a frame of its own`);
  await client.close();
}

/** What 200 conversations leave behind that were opened one after another. */
async function measureThreads(service) {
  const tag = randomUUID();
  await newConversations(service, 200, tag);
  const ids = (await service.conversations.list({ tags: [tag], limit: 200 })).map(({ id }) => id);
  const texts = ids.flatMap((conversation_id) =>
    [...Array(20).keys()].map((number) => ({
      conversation_id,
      sender_type: "agent",
      content: `${number} ${"word ".repeat(40)}`,
    })),
  );
  for (let from = 0; from < texts.length; from += 1_000) {
    const { error } = await service.supabase
      .from("messages")
      .insert(texts.slice(from, from + 1_000));
    if (error) throw error;
  }
  const client = connect();
  const open = async (id) => {
    const thread = client.conversations.thread(id);
    const leave = thread.subscribe(() => {});
    await until(() => isLive(thread) && thread.getSnapshot().messages.length === 20);
    leave();
  };
  await open(ids[0]);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (const id of ids) await open(id);
  await until(() => client.supabase.getChannels().length === 0);
  globalThis.gc?.();
  const grown = (process.memoryUsage().heapUsed - before) / 1_048_576;
  console.log(`threads    0 channels left, ${grown.toFixed(1)} MiB more`);
  await client.close();
}

/** Lose each request once, at random before or after it was done, and the socket now and then. */
async function measureLoss(service, seconds) {
  const tag = randomUUID();
  await newConversations(service, CONVERSATIONS, tag);
  const ids = await idsOf(service, tag);
  let isLossy = true;
  let lost = 0;
  let turn = 0;
  const client = connect(async (send) => {
    turn += 1;
    if (!isLossy || turn % 2 === 0) return send();
    lost += 1;
    if (Math.random() < 0.5) await send();
    throw new TypeError("fetch failed");
  });
  const view = client.inbox.view({ tags: [tag], limit: 50 });
  const mine = client.inbox.view({ tags: [tag], requiresHuman: true });
  const threads = ids.slice(0, 5).map((id) => client.conversations.thread(id));
  const stores = [view, mine, ...threads];
  stores.forEach((store) => store.subscribe(() => {}));
  const end = performance.now() + seconds * 1_000;
  let sent = 0;
  while (performance.now() < end) {
    const id = ids[Math.floor(Math.random() * ids.length)];
    const at = new Date().toISOString();
    const row = { requires_human: Math.random() < 0.5, last_message_at: at };
    await service.supabase.from("conversations").update(row).eq("id", id);
    const thread = threads[Math.floor(Math.random() * threads.length)];
    const text = `${(sent += 1)}`;
    void thread.send(text, { senderType: "agent" }).catch(async () => {
      while (thread.getSnapshot().outgoing.some(({ state }) => state === "failed")) {
        const failed = thread.getSnapshot().outgoing.find(({ state }) => state === "failed");
        await thread.retrySend(failed.id).catch(() => pause(50));
      }
    });
    if (Math.random() < 0.005) client.supabase.realtime.disconnect();
    await pause(50);
  }
  isLossy = false;
  await until(() => threads.every((thread) => thread.getSnapshot().outgoing.length === 0));
  await until(() => stores.every(isLive));
  await pause(1_000);
  await until(() => stores.every(isLive));
  const differences = [];
  for (const [store, filters] of [
    [view, { limit: 50 }],
    [mine, { requiresHuman: true, limit: 50 }],
  ]) {
    const rows = (await service.conversations.list({ tags: [tag], ...filters })).map(
      ({ row }) => row,
    );
    const shown = store.getSnapshot().rows;
    if (JSON.stringify(rows) !== JSON.stringify(shown.map((row) => inOrderOf(rows[0], row)))) {
      differences.push(filters);
    }
  }
  let stored = 0;
  for (const thread of threads) {
    const messages = await service.conversations.open(thread.id).messages();
    stored += messages.length;
    const shown = thread.getSnapshot().messages;
    const from = messages.slice(-shown.length);
    if (JSON.stringify(from) !== JSON.stringify(shown.map((each) => inOrderOf(from[0], each)))) {
      differences.push(thread.id);
    }
  }
  const isOnce = stored === sent ? "each once" : `${stored} stored`;
  console.log(
    `loss       ${seconds} s, ${lost} of ${client.counted.requests} requests lost, ` +
      `${sent} messages sent, ${isOnce}; ${differences.length} stores differ from the database`,
  );
  await client.close();
}

/** An event has its columns in another order than a request. */
const inOrderOf = (example = {}, row) =>
  Object.fromEntries(Object.keys(example).map((column) => [column, row[column]]));

if (process.argv[2] === "--follow") await follow(process.argv[3], process.argv[4]);
const service = connect();
const only = process.env.ONLY;
if (!only || only === "storm") await measureStorm(service);
if (!only || only === "many") await measureManyRows(service);
if (!only || only === "threads") await measureThreads(service);
if (!only || only === "loss") await measureLoss(service, Number(process.argv[2] ?? 60));
process.exit();
