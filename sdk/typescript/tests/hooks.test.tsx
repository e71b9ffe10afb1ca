/** The hooks of stores, as React lives with them: StrictMode, switches, errors, servers. */
import "./dom.js";

import { deepEqual, equal, ok } from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";

import { createElement, useState } from "react";
import type { Romashka } from "romashka";
import {
  RomashkaProvider,
  useConnection,
  useConversations,
  useInboxView,
  useRealtimeMessages,
  useThread,
} from "romashka/react";

import { clientOf } from "./forms.js";
import { use } from "./hooks.js";
import { newAgent, newCustomer, quietConversation, until } from "./project.js";
import { test } from "./together.js";

test("components share a list and a thread, and each is read once, in StrictMode too", async () => {
  const agent = await newAgent();
  const conversation = await quietConversation(await newCustomer(), "one");
  const { client, wire } = clientOf(() => agent, "supabase-js");
  const shown = await use(client, () => {
    const [one, two] = [useInboxView({ limit: 5 }), useInboxView({ limit: 5 })];
    const [thread, same] = [useThread(conversation.id), useThread(conversation.id)];
    return { one, two, thread, same, connection: useConnection() };
  });
  await until(() => shown.latest.connection.state === "live");
  await until(() => shown.latest.thread.state === "live" && shown.latest.one.state === "live");
  const pages = wire.sent.filter((path) => path.includes("/conversations?"));
  const lists = pages.filter((path) => !path.includes("last_message_at=lte")); // is there another one below?
  const reads = wire.sent.filter((path) => path.includes("/messages?"));
  ok(lists.length <= 2 && reads.length <= 2, wire.sent.join("\n")); // the page, and once more when it is live
  equal(shown.latest.one.rows, shown.latest.two.rows);
  equal(shown.latest.thread.messages, shown.latest.same.messages);
  await shown.latest.thread.thread!.send("two", { senderType: "agent" });
  await until(() => shown.latest.same.messages.length === 2);
  shown.unmount();
  await until(() => client.backend.realtime.getChannels().length === 0);
});

test("after a switch not one commit shows the other conversation's messages", async () => {
  const agent = await newAgent();
  const one = await quietConversation(await newCustomer(), "one");
  const two = await quietConversation(await newCustomer(), "two");
  let choose: (id: string) => void = () => {};
  const seen: [string, string[]][] = [];
  const shown = await use(agent, () => {
    const [id, setId] = useState(one.id);
    choose = setId;
    const { messages } = useThread(id);
    seen.push([id, messages.map((message) => message.conversation_id)]);
    return messages;
  });
  const inbox = await use(agent, () => useRealtimeMessages());
  await until(() => shown.latest.length > 0);
  for (const id of [two.id, one.id, two.id, one.id]) {
    choose(id);
    void inbox.latest.selectConversation(id);
    await until(() => shown.latest[0]?.conversation_id === id);
    await until(() => inbox.latest.messages[0]?.conversation_id === id);
  }
  ok(seen.every(([id, ids]) => ids.every((each) => each === id)));
  for (const { messages, selectedConversation } of inbox.all) {
    const id = selectedConversation?.id; // none, as long as its row is not read
    ok(id === undefined || messages.every((each) => each.conversation_id === id));
  }
  // Who comes back sees it at once: the first commit of a switch has the messages.
  const switches = seen.filter(([id], at) => at > 0 && seen[at - 1]![0] !== id);
  deepEqual(
    switches.slice(1).map(([, ids]) => ids.length > 0),
    [true, true, true],
  );
  [shown, inbox].forEach(({ unmount }) => unmount());
});

test("other filters show other rows at once, and never those of before", async () => {
  const agent = await newAgent();
  await quietConversation(await newCustomer(), "x");
  let set: (priority: "low" | "normal") => void = () => {};
  const shown = await use(agent, () => {
    const [priority, setPriority] = useState<"low" | "normal">("normal");
    set = setPriority;
    const { conversations } = useConversations({ priority });
    ok(conversations.every((row) => row.priority === priority));
    return conversations;
  });
  await until(() => shown.latest.length > 0);
  set("low");
  await until(() => shown.latest.length === 0);
  set("normal");
  await until(() => shown.latest.length > 0);
  shown.unmount();
});

test("a hook that could not load says why, and recovers", async () => {
  const agent = await newAgent();
  await quietConversation(await newCustomer(), "x");
  const { client, wire } = clientOf(() => agent, "supabase-js");
  wire.before = () => {
    throw new TypeError("fetch failed");
  };
  const told: Error[] = [];
  const shown = await use(client as Romashka, () =>
    useConversations({ limit: 1, onError: (error) => told.push(error) }),
  );
  await until(() => shown.latest.error);
  deepEqual([shown.latest.error!.name, shown.latest.isLoading], ["Unreachable", false]);
  wire.before = () => {};
  await until(() => shown.latest.conversations.length === 1 && shown.latest.error === null);
  ok(told.length > 0);
  shown.unmount();
});

test("a server renders what is not loaded yet, and asks for nothing; a browser takes it over", async () => {
  const { renderToPipeableStream } = await import("react-dom/server");
  const { hydrateRoot } = await import("react-dom/client");
  const agent = await newAgent();
  const conversation = await quietConversation(await newCustomer(), "one");
  const { client, wire } = clientOf(() => agent, "supabase-js");
  function Page() {
    const { rows, state } = useInboxView({ limit: 1 });
    const texts = useThread(conversation.id).messages.map(({ content }) => content);
    return createElement("p", null, [state, rows.length, ...texts, useConnection().state].join());
  }
  const tree = createElement(RomashkaProvider, { client }, createElement(Page));
  const page = new PassThrough();
  renderToPipeableStream(tree, {}).pipe(page);
  const html = await text(page);
  equal(html, "<p>loading,0,connecting</p>");
  deepEqual([wire.sent, client.backend.realtime.getChannels()], [[], []]);

  const thread = client.conversations.thread(conversation.id); // as a page that was left a moment ago has it
  const leave = thread.subscribe(() => {});
  await until(() => thread.getSnapshot().state === "live");
  const root = globalThis.document.createElement("div");
  root.innerHTML = html;
  const wrong: unknown[] = [];
  const hydrated = hydrateRoot(root, tree, { onRecoverableError: (error) => wrong.push(error) });
  await until(() => root.textContent === "live,1,one,live");
  deepEqual(wrong, []);
  leave();
  hydrated.unmount();
});
