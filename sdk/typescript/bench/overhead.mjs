// What the SDK adds to bare supabase-js, side by side in one run: time per call, from commit to seen, and
// memory per subscription. With a stack running (`romashka start`), and after `npm run build`:
//
//   set -a && eval "$(romashka status -o env)" && node --expose-gc bench/overhead.mjs
import { randomUUID } from "node:crypto";

import { createClient } from "@supabase/supabase-js";
import { Conversation, Romashka } from "romashka";
import { WebSocket } from "ws";

const CALLS = 300;
const SUBSCRIPTIONS = 1_000;
const CHANNELS_PER_SOCKET = 100;

const { API_URL, SERVICE_ROLE_KEY } = process.env;
const connect = () =>
  createClient(API_URL, SERVICE_ROLE_KEY, {
    auth: { persistSession: false, autoRefreshToken: false, storageKey: randomUUID() },
    realtime: { transport: WebSocket },
  });
const quantile = (values, share) =>
  values.toSorted((one, other) => one - other)[Math.floor(share * values.length)];
const shown = (values) =>
  `p50 ${quantile(values, 0.5).toFixed(2)} ms, p99 ${quantile(values, 0.99).toFixed(2)} ms`;
const ratio = (ours, theirs) => `${(quantile(ours, 0.5) / quantile(theirs, 0.5)).toFixed(3)} (p50)`;

async function timed(times, action) {
  const start = performance.now();
  const result = await action();
  times.push(performance.now() - start);
  return result;
}

/** The same insert, in turns: by supabase-js, and by `conversation.send`. */
async function measureCalls(client, conversation) {
  const [bare, ours] = [[], []];
  const row = { conversation_id: conversation.id, sender_type: "agent", content: "Hello." };
  for (let call = 0; call < CALLS; call += 1) {
    await timed(bare, () => client.supabase.from("messages").insert(row).select().single());
    await timed(ours, () => conversation.send("Hello.", { senderType: "agent" }));
  }
  console.log(`call       bare ${shown(bare)}; SDK ${shown(ours)}; ratio ${ratio(ours, bare)}`);
}

/** From sending a message to reading it elsewhere: by a bare channel, and by `conversation.events()`. */
async function measureEvents(conversation) {
  const sentAt = new Map();
  const [bare, ours] = [[], []];
  const note = (times, { content }) => {
    if (sentAt.has(content)) times.push(performance.now() - sentAt.get(content));
  };
  await new Promise((resolve) =>
    connect()
      .channel(`conversation:${conversation.id}`, {
        config: { private: true, broadcast: { replication_ready: true } },
      })
      .on("broadcast", { event: "message.created" }, ({ payload }) => note(bare, payload.message))
      .on("system", {}, resolve)
      .subscribe(),
  );
  const reader = await new Romashka(connect()).conversations.get(conversation.id);
  const live = new Promise((resolve) => {
    void (async () => {
      const options = { after: reader.row.message_count, onConnection: resolve };
      for await (const { message } of reader.events(options)) note(ours, message);
    })();
  });
  await live;
  for (let sent = 0; sent < CALLS; sent += 1) {
    sentAt.set(`${sent}`, performance.now());
    await conversation.send(`${sent}`, { senderType: "agent" });
  }
  while (ours.length < CALLS || bare.length < CALLS) await new Promise(setImmediate);
  console.log(`seen       bare ${shown(bare)}; SDK ${shown(ours)}; ratio ${ratio(ours, bare)}`);
}

/** Heap per subscription, with as many sockets on both sides. */
async function measureMemory() {
  const subscribeBare = (client, topic, onLive) =>
    client.supabase
      .channel(topic, { config: { private: true, broadcast: { replication_ready: true } } })
      .on("broadcast", { event: "message.created" }, () => {})
      .subscribe((state) => state === "SUBSCRIBED" && onLive());
  const subscribeOurs = (client, topic, onLive) => {
    const row = { id: topic.split(":")[1] };
    void new Conversation(client, row).events({ onConnection: onLive }).next();
  };
  const bare = await heapOf(subscribeBare);
  const ours = await heapOf(subscribeOurs);
  const kilobytes = (bytes) => `${(bytes / SUBSCRIPTIONS / 1024).toFixed(1)} KiB`;
  console.log(`memory     bare ${kilobytes(bare)}; SDK ${kilobytes(ours)} a subscription`);
}

async function heapOf(subscribe) {
  const clients = Array.from(
    { length: SUBSCRIPTIONS / CHANNELS_PER_SOCKET },
    () => new Romashka(connect()),
  );
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (const client of clients) {
    const topics = Array.from(
      { length: CHANNELS_PER_SOCKET },
      () => `conversation:${randomUUID()}`,
    );
    await Promise.all(
      topics.map((topic) => new Promise((resolve) => subscribe(client, topic, resolve))),
    );
  }
  globalThis.gc();
  const used = process.memoryUsage().heapUsed - before;
  for (const client of clients) {
    await client.close();
    await client.supabase.removeAllChannels();
  }
  return used;
}

const client = new Romashka(connect());
const conversation = await client.conversations.create(`bench-${randomUUID()}`);
await measureCalls(client, conversation);
await measureEvents(conversation);
await measureMemory();
process.exit();
