/** Devices and projects as they are: wrong clocks, two clients around one, small pages, broken text. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test as testAlone } from "node:test";

import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { Conflict, Conversation, type ConversationRow, InvalidRequest, Romashka } from "romashka";
import { WebSocket } from "ws";

import { connect, newAgent, newCustomer, quietConversation, service, take } from "./project.js";
import { ANON_KEY, API_URL, SERVICE_ROLE_KEY } from "./settings.js";
import { test } from "./together.js";
import { claimsOf, signed } from "./tokens.js";

const textsOf = async (conversation: Conversation, count: number) =>
  (await take(conversation.events(), count)).map(({ message }) => message.content);

test("two clients around one supabase client both hear everything", async () => {
  const one = await newCustomer();
  const other = new Romashka(one.supabase);
  const conversation = await quietConversation(one, "first");
  const first = conversation.events();
  const second = (await other.conversations.get(conversation.id)).events();
  await Promise.all([first.next(), second.next()]);

  await conversation.send("second");
  const heard = await Promise.all([first.next(), second.next()]);
  deepEqual(
    heard.map(({ value }) => value?.message.content),
    ["second", "second"],
  );

  await other.close();
  equal((await second.next()).done, true);
  await conversation.send("third");
  equal((await first.next()).value?.message.content, "third");
  await one.close();
});

test("a topic is listened to again while it is being left", async () => {
  const client = await newCustomer();
  const conversation = await quietConversation(client, "first");
  for (let round = 0; round < 3; round += 1) {
    deepEqual(await textsOf(conversation, 1), ["first"]);
    await client.topics.close();
  }
});

test("a channel of the application on the same topic is a clear error", async () => {
  const client = await newCustomer();
  const conversation = await quietConversation(client, "first");
  const channel = client.supabase.channel(conversation.topic, { config: { private: true } });
  await new Promise<void>((resolve) => {
    channel.subscribe((state) => state === "SUBSCRIBED" && resolve());
  });

  await rejects(textsOf(conversation, 1), (error: Conflict) => {
    return error instanceof Conflict && error.code === "channel_in_use";
  });
  await client.supabase.removeChannel(channel);
  deepEqual(await textsOf(conversation, 1), ["first"]);
});

test("who signs in twice at once is one user", async () => {
  const client = connect(ANON_KEY);
  const other = new Romashka(client.supabase);
  const users = await Promise.all([
    client.signInAnonymously(),
    client.signInAnonymously(),
    other.signInAnonymously(),
  ]);

  equal(new Set(users).size, 1);
  equal(await client.signInAnonymously(), users[0]);
});

/** A client that keeps its session, and how often it asked Auth for a new token. */
function clientThatKeeps(storage: object, send: typeof fetch = fetch): [Romashka, () => number] {
  let refreshes = 0;
  const supabase: SupabaseClient = createClient(API_URL, ANON_KEY, {
    auth: { storage: storage as never, storageKey: randomUUID(), autoRefreshToken: false },
    global: {
      fetch: (input, init) => {
        refreshes += Number(String(input).includes("grant_type=refresh_token"));
        return send(input, init);
      },
    },
    realtime: { transport: WebSocket as never, reconnectAfterMs: () => 50 },
  });
  return [new Romashka(supabase), () => refreshes];
}

function newStorage() {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

/** A customer whose device believes for hours that the token is good which the server calls expired. */
async function customerWithClockBehind(): Promise<[Romashka, () => number, Conversation]> {
  const storage = newStorage();
  const [before, refreshes] = clientThatKeeps(storage);
  await before.signInAnonymously();
  const { id } = await quietConversation(before, "before");
  const [[key, text]] = storage.kept as unknown as [[string, string]];
  const session = JSON.parse(text) as { access_token: string };
  const exp = Math.floor(Date.now() / 1000) - 120;
  session.access_token = signed({ ...claimsOf(session.access_token), exp });
  storage.kept.set(key, JSON.stringify(session));
  const client = new Romashka(before.supabase);
  return [client, refreshes, new Conversation(client, { id } as ConversationRow)];
}

test("a token that the server calls expired is renewed once, whatever the clock says", async () => {
  const [client, refreshes] = await customerWithClockBehind();
  const [first, second] = await Promise.all([
    quietConversation(client, "one", "two"),
    client.conversations.list(),
  ]);

  equal(first.row.message_count, 3);
  equal(second.length, 1);
  equal(refreshes(), 1);
  deepEqual(await textsOf(first, 3), ["before", "one", "two"]);
  await client.close();
});

test("a subscription whose token the server calls expired becomes live", async () => {
  const [client, refreshes, conversation] = await customerWithClockBehind();
  const topic = client.topics.listen(conversation.topic);
  deepEqual((await topic.next()).value, { type: "resync" });
  equal(refreshes(), 1);
  deepEqual(await textsOf(conversation, 1), ["before"]);
  await client.close();
});

test("a foreign topic is refused with a token that the server calls expired, too", async () => {
  const [client, refreshes] = await customerWithClockBehind();
  const { id } = await quietConversation(await newCustomer());
  const foreign = client.topics.listen(`conversation:${id}`);

  await rejects(foreign.next(), { name: "PermissionDenied" }); // its token is good, and no use here
  equal(refreshes(), 1);
  await client.close();
});

// It sets the clock.
testAlone("a clock that is hours ahead renews nothing", async () => {
  const { now } = Date;
  Date.now = () => now() + 7_200_000;
  try {
    const [client, refreshes] = clientThatKeeps(newStorage());
    await client.signInAnonymously();
    const conversation = await quietConversation(client, "one", "two");
    deepEqual(await textsOf(conversation, 2), ["one", "two"]);
    equal(refreshes(), 0); // one with each request ends at Auth's limit, and then the session
    await client.supabase.auth.refreshSession();
    await conversation.refresh();
    equal(refreshes(), 1);
    await client.close();
  } finally {
    Date.now = now;
  }
});

// It sets the clock.
testAlone("a session that cannot be renewed for now is no reason for another user", async () => {
  const storage = newStorage();
  let isDown = false;
  const [client] = clientThatKeeps(storage, (input, init) => {
    const answer = isDown && String(input).includes("grant_type=refresh_token");
    return answer ? Promise.reject(new TypeError("fetch failed")) : fetch(input, init);
  });
  const user = await client.signInAnonymously();
  const [[key, session]] = storage.kept as unknown as [[string, string]];
  storage.kept.set(key, JSON.stringify({ ...JSON.parse(session), expires_at: 1 }));
  isDown = true;
  const { now } = Date;
  let later = 0;
  Date.now = () => now() + (later += 40_000); // Auth's client tries for half a minute
  const refused = rejects(client.signInAnonymously(), { name: "Unreachable" });
  await refused.finally(() => (Date.now = now));
  isDown = false;
  storage.kept.set(key, session);

  equal(await client.signInAnonymously(), user);
  await client.close();
});

test("a storage that is closed or full is one clear error", async () => {
  const refuse = () => {
    throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
  };
  for (const broken of [{ setItem: refuse }, { setItem: refuse, getItem: refuse }]) {
    const storage = newStorage();
    const [client] = clientThatKeeps(storage);
    await client.supabase.auth.getSession(); // what is closed from the start, Auth's client reports
    Object.assign(storage, broken);

    await rejects(client.signInAnonymously(), { code: "session_not_kept" });
    await rejects(client.signInAnonymously(), { name: "NotSignedIn" }); // the same, each time
    await client.close();
  }
});

/** What a project answers whose `max_rows` is 3. */
const fetchWithThreeRows: typeof fetch = (input, init) => {
  const url = new URL(String(input));
  const asked = Number(url.searchParams.get("limit") ?? Infinity);
  const reads = (init?.method ?? "GET") === "GET" || url.pathname.endsWith("search_knowledge");
  if (url.pathname.startsWith("/rest/") && reads) {
    url.searchParams.set("limit", String(Math.min(asked, 3)));
  }
  return fetch(url, init);
};

test("a project that gives few rows at a time loses none", async () => {
  const customer = await newCustomer();
  const texts = ["1", "2", "3", "4", "5", "6", "7", "8"];
  const { id } = await quietConversation(customer, ...texts);
  const client = connect(SERVICE_ROLE_KEY, API_URL, fetchWithThreeRows);
  const conversation = await client.conversations.get(id);
  const contents = (messages: { content: string }[]) => messages.map(({ content }) => content);

  deepEqual(contents(await conversation.messages()), texts);
  deepEqual(contents(await conversation.messages({ limit: 5 })), texts.slice(3));
  deepEqual(contents(await conversation.messages({ limit: 5, before: 8 })), texts.slice(2, 7));
  deepEqual(await textsOf(conversation, 8), texts);
  await client.close();
});

test("the lists of a project that gives few rows at a time are whole", async () => {
  const agent = await newAgent();
  const marker = randomUUID();
  const ids = new Set<string>();
  for (let number = 0; number < 5; number += 1) {
    ids.add((await service.conversations.create(`${marker}-${number}`)).id);
  }
  const [id] = ids;
  for (const note of ["a", "b", "c", "d"]) {
    await (await agent.conversations.get(id!)).addNote(note);
    await service.knowledge.add(`${marker} ${note}`, "Something.", { language: "xx" });
  }
  const client = connect(SERVICE_ROLE_KEY, API_URL, fetchWithThreeRows);
  const found = await client.conversations.list({ search: marker, limit: 4 });
  const more = await client.conversations.list({ search: marker, before: found.at(-1) });
  const items = await client.knowledge.list({ language: "xx", limit: 4 });
  const matches = await client.knowledge.search(`${marker} something`, {
    language: "xx",
    limit: 4,
  });
  const seen = new Set<string>();
  for await (const { conversation } of client.inbox.events()) {
    seen.add(conversation.id);
    if ([...ids].every((each) => seen.has(each))) break;
  }
  const notes = await (await client.conversations.get(id!)).notes();

  deepEqual(new Set([...found, ...more].map((each) => each.id)), ids);
  equal(items.length, 4);
  equal(matches.length, 4);
  deepEqual(
    notes.map(({ content }) => content),
    ["a", "b", "c", "d"],
  );
  await client.close();
});

test("text that cannot be stored is refused before it is sent", async () => {
  let sent = 0;
  const count: typeof fetch = (input, init) => ((sent += 1), fetch(input, init));
  const customer = await newCustomer();
  const { row } = await quietConversation(customer);
  const client = connect(SERVICE_ROLE_KEY, API_URL, count);
  const conversation = await client.conversations.get(row.id);
  const file = { path: `${row.id}/x`, name: "x", content_type: "text/plain", size: 1 };
  class Own {
    constructor(readonly text: string) {}
  }
  sent = 0;
  for (const text of ["a\0b", "a\ud83d", "\ude00b", "\ude00\ud83d"]) {
    const calls: [string, () => Promise<unknown>][] = [
      ["send", () => conversation.send(text)],
      ["metadata", () => conversation.send("x", { metadata: { a: [{ b: text }] } })],
      ["a key", () => conversation.send("x", { metadata: { [text]: 1 } })],
      ["identifier", () => client.conversations.create(text)],
      ["message", () => client.conversations.create("x", { message: text })],
      ["note", () => conversation.addNote(text)],
      ["search", () => client.knowledge.search(text)],
      ["item", () => client.knowledge.add("x", "y", { tags: [text] })],
      ["change", () => client.knowledge.update(randomUUID(), { title: text })],
      ["file", () => client.attachments.upload(row.id, new Blob(["x"]), text)],
      ["account", () => client.signIn("a@example.com", text)],
      ["id", () => client.conversations.get(text)],
      ["find", () => client.conversations.list({ search: text })],
      ["filter", () => client.conversations.list({ assignedAgentId: text })],
      ["language", () => client.knowledge.list({ language: text })],
      ["item's id", () => client.knowledge.update(text, { title: "x" })],
      ["removed", () => client.knowledge.remove(text)],
      ["download", () => client.attachments.download({ ...file, path: text })],
      ["link", () => client.attachments.signedUrl({ ...file, name: text })],
      ["topic", async () => client.topics.listen(text)],
      ["presence", async () => conversation.presence.people({ role: "agent", name: text })],
      ["function", () => client.call(text as never, {} as never)],
      [
        "own form",
        () => client.call("search_knowledge", { query: { toJSON: () => text } } as never),
      ],
      ["own class", () => client.call("search_knowledge", { query: new Own(text) } as never)],
    ];
    for (const [name, call] of calls) await rejects(call(), InvalidRequest, name);
  }

  equal(sent, 0);
  equal((await conversation.send("whole: 😀")).content, "whole: 😀");
});
