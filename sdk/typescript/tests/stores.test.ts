/** Stores under load, on bad networks, and in each other's way: around supabase-js, and on its parts. */
import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test as testAlone } from "node:test";

import {
  type Client,
  type ConversationRow,
  NotFound,
  PermissionDenied,
  type Romashka,
  type Store,
  Unreachable,
} from "romashka";

import { clientOf, connectAs, type Form, type Formed, gate, testForms } from "./forms.js";
import { openNetwork } from "./network.js";
import { newAgent, newCustomer, quietConversation, service, until, waiting } from "./project.js";
import { test } from "./together.js";
import { claimsOf, signed } from "./tokens.js";

/** Look at a store; `seen` is all that it showed. */
function look<T>(store: Store<T>) {
  const seen: T[] = [store.getSnapshot()];
  const leave = store.subscribe(() => seen.push(store.getSnapshot()));
  return {
    seen,
    leave,
    get now() {
      return store.getSnapshot();
    },
  };
}

const isLive = <T extends { state: string }>({ now }: { now: T }) => now.state === "live";
const ids = ({ rows }: { rows: readonly ConversationRow[] }) => rows.map(({ id }) => id);
const contents = (messages: readonly { content: string }[]) => messages.map((each) => each.content);
const never = () => new Promise<never>(() => {});

/** Conversations with nobody in them, of one tag. */
async function newConversations(
  count: number,
  more: object = {},
): Promise<[string, ConversationRow[]]> {
  const tag = randomUUID();
  const at = Date.now();
  const rows = [...Array(count).keys()].map((number) => ({
    channel_type: "website",
    status: "active",
    tags: [tag],
    customer_name: `customer ${number}`,
    last_message_at: new Date(at - number * 1_000).toISOString(),
    ...more,
  }));
  const { data, error } = await service.supabase
    .from("conversations")
    .insert(rows as never)
    .select();
  if (error) throw error;
  const latest = [...(data as ConversationRow[])];
  latest.sort(
    (one, other) => Date.parse(other.last_message_at!) - Date.parse(one.last_message_at!),
  );
  return [tag, latest];
}

const change = async (id: string, changes: object) => {
  const { error } = await service.supabase
    .from("conversations")
    .update(changes as never)
    .eq("id", id);
  if (error) throw error;
};

const agent = newAgent();

/** A client in that form; the agent's, unless it says otherwise. */
const openAs = (form: Form, owner: Romashka | (() => Romashka | null) | null = null): Formed =>
  clientOf(typeof owner === "function" ? owner : () => owner ?? agent, form);

test("who signs in next sees nothing of who was there before, not for a moment", async () => {
  const client = await newCustomer();
  const conversation = await quietConversation(client, "mine");
  const [kept, shown] = [client.conversations.thread(conversation.id), client.inbox.view()];
  const one = look(kept);
  const list = look(shown);
  await until(() => isLive(one) && list.now.rows.length === 1);
  one.leave();
  await until(() => !kept.isNeeded);
  await client.supabase.auth.signOut({ scope: "local" });
  deepEqual([kept.getSnapshot().messages, list.now.rows], [[], []]);
  await client.signInAnonymously();
  const again = look(kept);
  await until(() => again.now.state === "refused" && list.now.state === "refused");
  deepEqual(
    [...again.seen, again.now].flatMap(({ messages }) => messages),
    [],
  );
  deepEqual(client.inbox.latest(conversation.id), undefined);
  [again, list].forEach(({ leave }) => leave());
});

testForms(
  "a conversation that is deleted leaves its lists, and who observes hears of it",
  async (form) => {
    const [tag, [first, second]] = await newConversations(2);
    const { client } = openAs(form);
    const list = look(client.inbox.view({ tags: [tag] }));
    const gone: string[] = [];
    const leave = client.inbox.observe(
      () => {},
      (id) => gone.push(id),
    );
    await until(() => isLive(list));
    await service.supabase.from("conversations").delete().eq("id", first!.id);
    await until(() => list.now.rows.length === 1);
    deepEqual(ids(list.now), [second!.id]);
    ok(gone.includes(first!.id));
    [list.leave, leave].forEach((end) => end());
  },
);

testForms(
  "a list is what the database has, in its order, and no longer than its limit",
  async (form) => {
    const [tag, [first, ...others]] = await newConversations(60);
    const { client } = openAs(form);
    const view = client.inbox.view({ tags: [tag], limit: 10 });
    equal(client.inbox.view({ limit: 10, tags: [tag], status: undefined as never }), view);
    const shown = look(view);
    await until(() => isLive(shown));
    deepEqual(
      ids(shown.now),
      [first, ...others].slice(0, 10).map((row) => row!.id),
    );
    equal(shown.now.hasMore, true);

    const before = shown.now.rows;
    await change(others[30]!.id, { last_message_at: new Date().toISOString() });
    await until(() => shown.now.rows[0]!.id === others[30]!.id);
    deepEqual(shown.now.rows.slice(1), before.slice(0, 9)); // pushed down by one
    ok(
      shown.now.rows.slice(1).every((row, at) => row === before[at]),
      "the same objects",
    );

    await change(first!.id, { tags: [] });
    await until(() => !ids(shown.now).includes(first!.id));
    equal(shown.now.rows.length, 10);
    view.loadMore();
    await until(() => shown.now.rows.length === 20);
    deepEqual(
      ids(shown.now),
      [others[30], ...others.filter((_, at) => at !== 30)].slice(0, 20).map((row) => row!.id),
    );
    shown.leave();
  },
);

test("a storm costs no request, and an UPDATE of 2,000 rows a few", async () => {
  const [tag, rows] = await newConversations(2_000);
  const { client, wire } = openAs("parts");
  const shown = look(client.inbox.view({ tags: [tag], limit: 50 }));
  const nothing = look(client.inbox.view({ tags: [tag], status: "closed" }));
  const waiting = look(client.inbox.view({ tags: [tag], requiresHuman: true }));
  await until(() => isLive(shown) && isLive(nothing) && isLive(waiting));
  wire.sent.length = 0;
  const frames = shown.seen.length;
  for (const row of rows.slice(0, 40)) await change(row.id, { last_message: randomUUID() });
  const [last] = rows.slice(39);
  await change(last!.id, { requires_human: true });
  await until(() => waiting.now.rows[0]?.id === last!.id);
  deepEqual(wire.sent, []);
  ok(shown.seen.length - frames <= 45, "once a frame at most");
  equal(nothing.seen.filter(({ rows }) => rows.length > 0).length, 0);

  await service.supabase.from("conversations").update({ priority: "high" }).contains("tags", [tag]);
  await until(() => shown.now.rows.every(({ priority }) => priority === "high"));
  equal(shown.now.rows.length, 50);
  ok(wire.sent.length <= 9, `${wire.sent.length} requests`);
  [shown, nothing, waiting].forEach(({ leave }) => leave());
});

testForms("a request that never answers stops nothing for good", async (form) => {
  await waiting({ 10_000: 1_500 }, async () => {
    const [tag, [row]] = await newConversations(1);
    const conversation = await quietConversation(await newCustomer(), "first");
    const { client, wire } = openAs(form);
    let held = 0;
    wire.before = () => ((held += 1) <= 3 ? never() : undefined);
    const view = look(client.inbox.view({ tags: [tag] }));
    const thread = look(client.conversations.thread(conversation.id));
    await until(() => held >= 2);
    await until(() => isLive(view) && isLive(thread)); // they were tried again
    deepEqual([ids(view.now), contents(thread.now.messages)], [[row!.id], ["first"]]);

    wire.before = never;
    client.conversations.thread(conversation.id).retry();
    client.inbox.view({ tags: [tag] }).retry();
    await change(row!.id, { last_message: "heard all the same" });
    await conversation.send("second");
    await until(() => view.now.rows[0]!.last_message === "heard all the same");
    await until(() => thread.now.messages.length === 2);
    await rejects(
      client.call("get_widget_hours" as never, {} as never, { timeoutMs: 50 }),
      Unreachable,
    );
    [view, thread].forEach(({ leave }) => leave());
  });
});

testForms("who leaves while it is read, and comes back, sees it", async (form) => {
  const [tag] = await newConversations(1);
  const { client, wire } = openAs(form);
  const held = gate();
  wire.before = () => held.wait;
  const first = look(client.inbox.view({ tags: [tag] }));
  await until(() => wire.sent.length === 1);
  first.leave();
  await until(() => !client.inbox.view({ tags: [tag] }).isNeeded);
  wire.before = () => {};
  const again = look(client.inbox.view({ tags: [tag] }));
  await until(() => isLive(again) && again.now.rows.length === 1);
  held.open();
  again.leave();
  await until(() => client.backend.realtime.getChannels().length === 0);
});

testForms("what could not be read recovers, and says why until then", async (form) => {
  const [tag] = await newConversations(1);
  const { client, wire } = openAs(form);
  wire.before = () => {
    throw new TypeError("fetch failed");
  };
  const view = look(client.inbox.view({ tags: [tag] }));
  await until(() => view.now.error);
  deepEqual([view.now.state, view.now.error!.name], ["loading", "Unreachable"]);
  wire.before = () => {};
  await until(() => isLive(view) && view.now.rows.length === 1);
  equal(view.now.error, null);
  view.leave();
});

testForms(
  "who mounts before signing in sees all after it, and nothing of who was there before",
  async (form) => {
    const customer = await newCustomer();
    const conversation = await quietConversation(customer, "mine");
    let owner: Romashka | null = null;
    const { client } = openAs(form, () => owner);
    const thread = look(client.conversations.thread(conversation.id));
    await until(() => thread.now.state === "refused");
    owner = customer;
    client.connection.retry(); // an application that brings its tokens says so
    await until(() => isLive(thread));
    deepEqual(contents(thread.now.messages), ["mine"]);

    owner = await newCustomer();
    client.connection.retry();
    await until(() => thread.now.state === "refused");
    deepEqual(thread.now.messages, []);
    thread.leave();
  },
);

testForms("a refused subscription is told, and so is the connection", async (form) => {
  const { client } = openAs(form, await newCustomer());
  const view = look(client.inbox.view());
  const connection = look(client.connection);
  await until(() => view.now.state === "refused" && connection.now.state === "refused");
  ok(view.now.error instanceof PermissionDenied);
  const missing = look(client.conversations.thread(randomUUID()));
  await until(() => missing.now.state === "refused");
  ok(missing.now.error instanceof NotFound);
  [view, connection, missing].forEach(({ leave }) => leave());
});

testForms(
  "the connection says how it is, and what was missed is there afterwards",
  async (form) => {
    const network = await openNetwork(process.env["API_URL"]!);
    const conversation = await quietConversation(await newCustomer(), "first");
    const { client } = clientOf(() => agent, form, network.url);
    const thread = look(client.conversations.thread(conversation.id));
    const connection = look(client.connection);
    equal(connection.now.state, "connecting");
    await until(() => isLive(connection) && isLive(thread));
    const { since } = connection.now;
    network.refuse(true);
    network.cut();
    await until(() => connection.now.state === "offline" && thread.now.state === "offline");
    ok(connection.now.since >= since && connection.now.error);
    await conversation.send("missed");
    await (await service.conversations.get(conversation.id)).markRead();
    network.refuse(false);
    await until(() => isLive(connection) && isLive(thread));
    deepEqual(contents(thread.now.messages), ["first", "missed"]);
    ok(connection.seen.some(({ state }) => state === "catching up"));
    [thread, connection].forEach(({ leave }) => leave());
    deepEqual(thread.now.messages, await conversation.messages());
  },
);

testForms(
  "two windows whose token runs out while both write end as the database is",
  async (form) => {
    const conversation = await quietConversation(await newCustomer(), "first");
    const { data } = await (await agent).supabase.auth.getSession();
    const { access_token: good } = data.session!;
    const exp = Math.ceil(Date.now() / 1_000) + 2;
    const short = signed({ ...claimsOf(good), exp });
    const isOver = () => Date.now() >= 1_000 * exp;
    const threads = [0, 1].map(() => {
      const client = connectAs(form, async () => (isOver() ? good : short));
      return client.conversations.thread(conversation.id);
    });
    const shown = threads.map(look);
    await until(() => shown.every(isLive));
    const write = (text: string) =>
      Promise.all(threads.map((thread) => thread.send(text, { senderType: "agent" })));
    for (let round = 0; !isOver(); round += 1) {
      await write(`${round}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await write("with the new token");
    const stored = await conversation.messages();
    await until(() =>
      shown.every((each) => isLive(each) && each.now.messages.length === stored.length),
    );
    shown.forEach(({ now }) => deepEqual([now.messages, now.outgoing], [stored, []]));
    ok(shown.every(({ seen }) => seen.every(({ messages }) => messages.every(isNextOf))));
    shown.forEach(({ leave }) => leave());
  },
);

/** Is a message the one after that before it? */
const isNextOf = (
  { position }: { position: number },
  at: number,
  all: readonly { position: number }[],
) => at === 0 || position === all[at - 1]!.position + 1;

testForms("the same id is the same message, however many answers get lost", async (form) => {
  const conversation = await quietConversation(await newCustomer(), "first");
  const { client, wire } = openAs(form);
  const thread = client.conversations.thread(conversation.id);
  const shown = look(thread);
  await until(() => isLive(shown));
  const id = randomUUID();
  const other = client.conversations.open(conversation.id);
  const losing = () => {
    throw new TypeError("the connection was reset");
  };
  wire.after = losing;
  await rejects(other.send("once", { id, senderType: "agent" }), Unreachable);
  await rejects(other.send("once", { id, senderType: "agent" }), Unreachable);
  await until(() => shown.now.messages.length === 2);
  const sent = await thread.send("twice?", { senderType: "agent" }); // it is seen, though its answer is lost
  equal(sent.content, "twice?");
  wire.after = () => {};
  equal((await other.send("once", { id, senderType: "agent" })).id, id);

  wire.before = losing;
  await rejects(thread.send("not now", { senderType: "agent", timeoutMs: 5_000 }), Unreachable);
  const [failed] = shown.now.outgoing;
  deepEqual([failed?.state, failed?.error?.name], ["failed", "Unreachable"]);
  await rejects(thread.send("given up", { signal: AbortSignal.abort() }), {
    name: "AbortError",
  });
  thread.discard(shown.now.outgoing[1]!.id);
  wire.before = () => {};
  equal((await thread.retrySend(failed!.id)).id, failed!.id);
  await rejects(
    other.send("another's", {
      id: (await quietConversation(await newCustomer(), "x").then((each) => each.messages()))[0]!
        .id,
      senderType: "agent",
    }),
    { name: "Conflict" },
  );

  deepEqual(contents(await conversation.messages()), ["first", "once", "twice?", "not now"]);
  await until(() => shown.now.outgoing.length === 0);
  deepEqual(contents(shown.now.messages), ["first", "once", "twice?", "not now"]);
  shown.leave();
});

testForms(
  "what is read late overtakes nothing: neither an event, nor another list",
  async (form) => {
    const [tag, rows] = await newConversations(3);
    const { client, wire } = openAs(form);
    const late = gate();
    let isHeld = false;
    wire.after = (path) => {
      if (!path.includes("conversations") || isHeld) return undefined;
      isHeld = true;
      return late.wait;
    };
    const active = look(client.inbox.view({ tags: [tag], status: "active" }));
    await until(() => isHeld);
    const resolved = look(client.inbox.view({ tags: [tag], status: "resolved" }));
    await until(() => resolved.now.state !== "loading");
    await change(rows[1]!.id, { status: "resolved" });
    await until(() => resolved.now.rows.length === 1);
    late.open();
    await until(() => isLive(active));
    deepEqual([ids(active.now), ids(resolved.now)], [[rows[0]!.id, rows[2]!.id], [rows[1]!.id]]);
    ok(
      active.seen.every((each) => !ids(each).includes(rows[1]!.id)),
      "never what is not so any more",
    );
    [active, resolved].forEach(({ leave }) => leave());
  },
);

// How quickly, others would decide.
testAlone("browsing quickly leaves few channels, and the last conversation is live", async () => {
  await waiting({ 2_000: 2_000 }, async () => {
    const [, rows] = await newConversations(120);
    const { client, wire } = openAs("parts");
    // Quicker than anything can be read.
    wire.before = (path) => (path.includes("/messages?") ? never() : undefined);
    let most = 0;
    const count = () => (most = Math.max(most, client.backend.realtime.getChannels().length));
    for (const { id } of rows) {
      const { leave } = look(client.conversations.thread(id));
      await new Promise((resolve) => setTimeout(resolve, 5));
      leave();
      count();
    }
    ok(most < 10, `${most} channels`); // who passes by joins nothing
    for (const { id } of rows.slice(0, 20)) {
      const listener = client.topics.listen(`conversation:${id}`);
      await listener.next();
      await listener.return();
      count();
    }
    ok(most < 15, `${most} channels`); // those that nobody listens to make room
    wire.before = () => {};
    const last = look(client.conversations.thread(rows[119]!.id));
    await until(() => isLive(last));
    last.leave();
    await until(() => client.backend.realtime.getChannels().length === 0);
  });
});

testForms(
  "a customer's new name is shown by the next change, and by a list that is read anew",
  async (form) => {
    const { id, row } = await quietConversation(await newCustomer(), "hi");
    const tags = [randomUUID()];
    await change(id, { tags });
    const rename = async (name: string) => {
      const customers = service.supabase.from("customer_profiles");
      const { error } = await customers.update({ name }).eq("id", row.customer_id!);
      if (error) throw error;
    };
    const view = openAs(form).client.inbox.view({ tags });
    const shown = look(view);
    const name = () => shown.now.rows[0]?.customer_profiles?.name;
    await until(() => isLive(shown));
    await rename("Ada");
    await view.refresh();
    equal(name(), "Ada");
    await rename("Grace");
    await change(id, { priority: "high" });
    await until(() => name() === "Grace");
    shown.leave();
  },
);

testForms("an event of before a customer's new name does not take it back", async (form) => {
  const { id, row } = await quietConversation(await newCustomer(), "hi");
  const tags = [randomUUID()];
  await change(id, { tags });
  const { client, wire } = openAs(form);
  const view = client.inbox.view({ tags });
  const shown = look(view);
  await until(() => isLive(shown));
  const held = gate();
  wire.before = (path) => (path.includes("/conversations?") ? held.wait : undefined);
  const refreshed = view.refresh();
  await change(id, { priority: "high" });
  await until(() => shown.now.rows[0]?.priority === "high"); // heard, while the list waits to be read
  const customers = service.supabase.from("customer_profiles");
  await customers.update({ name: "Grace" }).eq("id", row.customer_id!).throwOnError();
  held.open();
  await refreshed;
  await until(() => isLive(shown));
  equal(shown.now.rows[0]?.customer_profiles?.name, "Grace");
  equal(client.inbox.latest(id)?.customer_profiles?.name, "Grace");
  shown.leave();
});

testForms("closing ends whoever reads", async (form) => {
  const conversation = await quietConversation(await newCustomer(), "first");
  const { client } = openAs(form);
  const same = client.conversations.open(conversation.id);
  const topic = client.topics.listen(conversation.topic);
  await topic.next();
  const reading: Promise<unknown>[] = [topic.next(), topic.next(), topic.next()];
  for (const events of [
    same.events({ after: 1 }),
    same.live({ after: 1 }),
    client.inbox.live(),
    client.inbox.events(),
  ]) {
    reading.push(
      (async () => {
        for await (const _ of events);
      })(),
    );
  }
  reading.push(
    (async () => {
      for await (const _ of same.presence.people({ role: "agent", name: "Ada" }));
    })(),
  );
  await until(() => topic.isLive);
  await client.close();
  await Promise.all(reading);
});

testForms(
  "two who show a conversation read it once, and what is at hand is not read",
  async (form) => {
    const conversation = await quietConversation(await newCustomer(), "one", "two");
    const { client, wire } = openAs(form);
    const one = look(client.conversations.thread(conversation.id));
    await until(() => isLive(one));
    const alone = wire.sent.length;
    ok(alone <= 2, wire.sent.join("\n")); // the newest; and what was written before it was live
    const other = look(client.conversations.thread(conversation.id));
    equal(other.now, one.now);
    equal(wire.sent.length, alone);
    equal(client.conversations.open(conversation.row).row, conversation.row);
    const [first, second] = one.now.messages;
    await (await service.conversations.get(conversation.id)).send("three", { senderType: "agent" });
    await until(() => one.now.messages.length === 3);
    await client.conversations.thread(conversation.id).refresh();
    deepEqual([one.now.messages[0] === first, one.now.messages[1] === second], [true, true]);

    one.leave();
    other.leave();
    await until(() => !client.conversations.thread(conversation.id).isNeeded);
    await conversation.send("meanwhile");
    const again = look(client.conversations.thread(conversation.id));
    deepEqual(contents(again.seen[0]!.messages), ["one", "two", "three"]); // at once
    await until(() => isLive(again));
    deepEqual(contents(again.now.messages), ["one", "two", "three", "meanwhile"]);
    again.leave();
  },
);

testForms("a thread shows the reply that is written, and older pages", async (form) => {
  const conversation = await quietConversation(await newCustomer());
  const texts = [...Array(60).keys()].map((number) => `${number}`);
  const { error } = await service.supabase.from("messages").insert(
    texts.map((content) => ({
      conversation_id: conversation.id,
      sender_type: "agent",
      content,
    })) as never,
  );
  equal(error, null);
  const { client } = openAs(form);
  const thread = client.conversations.thread(conversation.id);
  const shown = look(thread);
  await until(() => isLive(shown));
  deepEqual([shown.now.messages.length, shown.now.hasOlder], [50, true]);
  await Promise.all([thread.loadOlder(), thread.loadOlder()]);
  deepEqual([contents(shown.now.messages), shown.now.hasOlder], [texts, false]);

  const draft = { turn_id: randomUUID(), draft_id: randomUUID() };
  const topic = service.supabase.channel(conversation.topic, { config: { private: true } });
  await until(async () => {
    await topic.httpSend("reply.started", draft);
    return shown.now.draft;
  });
  await topic.httpSend("reply.delta", { ...draft, sequence: 1, text: "An inbox." });
  await until(() => shown.now.draft?.text === "An inbox.");
  await topic.httpSend("reply.settled", { ...draft, outcome: "taken_over", message_id: null });
  await until(() => shown.now.draft === null);

  const same = client.conversations.open(conversation.id);
  deepEqual(contents(await same.messages({ after: 57 })), ["57", "58", "59"]);
  deepEqual(contents(await same.messages({ around: 30, limit: 3 })), ["28", "29", "30"]);
  throws(() => same.row, /was not read/);
  ok(Math.abs(client.now() - Date.now()) < 5_000);
  shown.leave();
});

testForms("a list finds several states, what is nobody's, and what has a tag", async (form) => {
  const [tag, rows] = await newConversations(3);
  const { client } = openAs(form);
  await change(rows[0]!.id, { status: "resolved" });
  await change(rows[1]!.id, {
    status: "escalated",
    assigned_agent_id:
      client.topics.userId ?? (await (await agent).supabase.auth.getUser()).data.user!.id,
  });
  const found = async (filters: object) =>
    (await client.conversations.list({ tags: [tag], ...filters })).map(({ id }) => id);
  deepEqual(await found({ status: ["resolved", "escalated"] }), [rows[0]!.id, rows[1]!.id]);
  deepEqual(await found({ unassigned: true }), [rows[0]!.id, rows[2]!.id]);
  deepEqual(await found({ unassigned: false }), [rows[1]!.id]);
  deepEqual(await found({ tags: [tag, "another"] }), []);
  const tags = [tag];
  deepEqual(
    await client.inbox.counts({
      all: { tags },
      done: { tags, status: "resolved" },
      open: { tags, status: ["active", "escalated"] },
      free: { tags, unassigned: true, requiresHuman: false },
    }),
    { all: 3, done: 1, open: 2, free: 2 },
  );
});

testForms(
  "who is here: by any handle, without those who left, and without one's own other window",
  async (form) => {
    const customer = await newCustomer();
    const conversation = await quietConversation(customer, "hi");
    const { client } = openAs(form);
    const [here, other] = [openAs(form).client, openAs(form).client];
    const names: string[][] = [];
    const typing: boolean[] = [];
    const watch = (who: Client, name?: string) =>
      who.conversations
        .open(conversation.id)
        .presence.people(name ? { role: "agent", name } : undefined);
    const seen = watch(customer, "Cleo");
    void (async () => {
      for await (const people of seen) {
        names.push(people.map((each) => each.name));
        typing.push(people.some((each) => each.isTyping));
      }
    })();
    const own: number[] = [];
    const ada = watch(client, "Ada");
    void (async () => {
      for await (const people of ada) own.push(people.length);
    })();
    const second = watch(here, "Ada");
    void (async () => {
      for await (const _ of second);
    })();
    await until(() => names.at(-1)?.length === 1 && own.at(-1) === 1); // Ada once; and Cleo alone
    await until(
      () => (void client.conversations.open(conversation.id).presence.typing(), typing.at(-1)),
    );
    const stays = client.topics.listen(`${conversation.topic}:typing`);
    await ada.return?.();
    await second.return?.();
    await until(() => names.at(-1)?.length === 0); // though the topic is still listened to
    equal(typing.at(-1), false);
    await Promise.all([stays.return(), seen.return?.(), other.close()]);
  },
);
