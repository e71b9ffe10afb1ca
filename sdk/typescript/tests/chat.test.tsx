/** The original's hook of a chat window, as its widget uses it: open, write, hear, lose the network, go. */
import "./dom.js";

import { deepEqual, equal, rejects } from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { attachmentOf, choiceOf, type Romashka } from "romashka";
import { type ChatMessage, useRealTimeChat, type UseRealTimeChatOptions } from "romashka/react";

import { texts, use } from "./hooks.js";
import { openNetwork } from "./network.js";
import {
  answerNext,
  connect,
  newAgent,
  newCustomer,
  newIdentifier,
  quietConversation,
  service,
  until,
  waiting,
} from "./project.js";
import { ANON_KEY, API_URL } from "./settings.js";
import { test } from "./together.js";

/** A window as the original's widget opens it: with an id of its own making. */
async function openWindow(client: Romashka, options: UseRealTimeChatOptions = {}) {
  const given = { conversationId: randomUUID(), userId: newIdentifier(), ...options };
  const chat = await use(client, () => useRealTimeChat(given));
  return Object.assign(chat, { given });
}

type Window = Awaited<ReturnType<typeof openWindow>>;

const statuses = ({ latest }: Window) => latest.messages.map(({ status }) => status);

/** Was that message ever shown so? It may be for a moment only. */
const wasShown = ({ all }: Window, index: number, status: ChatMessage["status"]) =>
  all.some(({ messages }) => messages[index]?.status === status);

/** What the database has. */
async function storedTexts(messages: ChatMessage[]): Promise<string[]> {
  const conversation = await service.conversations.get(messages[0]!.conversation_id);
  return texts(await conversation.messages());
}

/** No message was ever shown twice, and none was called sent before it was stored. */
function wasHonest({ all }: Window): void {
  for (const { messages } of all) {
    equal(new Set(messages.map(({ id }) => id)).size, messages.length);
    for (const { status, row } of messages) {
      equal(row === undefined, status === "sending" || status === "failed");
    }
  }
}

test("a window opens a conversation with its first message, and shows the answer", async () => {
  const customer = await newCustomer();
  const heard: string[] = [];
  const chat = await openWindow(customer, {
    agentConfig: { name: "ROMASHKA", tone: "friendly" },
    onMessageReceived: ({ content }) => heard.push(content),
    onError: (error) => Promise.reject(error),
  });
  equal(chat.latest.isLoading, true);
  await until(() => !chat.latest.isLoading);
  deepEqual([chat.latest.isConnected, chat.latest.error], [true, null]);
  deepEqual(await customer.conversations.list(), []); // who only looks opens none
  equal(await chat.latest.sendMessage(" "), null);

  const sent = await chat.latest.sendMessage("What is Romashka?", "text", { page: "/prices" });
  const { id, conversation_id, status, metadata } = sent!;
  equal(wasShown(chat, 0, "sending"), true);
  deepEqual([status, metadata!["page"]], ["sent", "/prices"]);
  await answerNext(conversation_id, "An inbox.");
  await until(() => chat.latest.messages.length === 2);
  deepEqual(texts(chat.latest.messages), ["What is Romashka?", "An inbox."]);
  equal(chat.latest.messages[0]!.id, id);
  equal(new Set(chat.all.flatMap(({ messages }) => messages.map((each) => each.id))).size, 2);

  await until(() => chat.latest.unreadCount === 0 && statuses(chat)[1] === "read");
  deepEqual(heard, ["What is Romashka?", "An inbox."]);
  equal((await service.conversations.get(conversation_id)).row.user_name, chat.given.userId);
  wasHonest(chat);
  chat.unmount();
  await until(() => customer.supabase.getChannels().length === 0);
});

test("a window chooses what a question offers, as it sends a message", async () => {
  const errors: string[] = [];
  const chat = await openWindow(await newCustomer(), {
    onError: ({ message }) => errors.push(message),
  });
  await until(() => !chat.latest.isLoading);
  const { conversation_id } = (await chat.latest.sendMessage("Can I?"))!;
  const choices = [{ label: "Returns" }, { label: "None of these" }];
  await answerNext(conversation_id, "Which?", { choices });
  await until(() => chat.latest.messages.length === 2);
  const question = chat.latest.messages[1]!;
  equal(await chat.latest.choose(question, 0), null);
  const stored = (await chat.latest.choose(question, 1))!;

  deepEqual(errors, ["unable to choose; the message offers 1 to 2, not 0"]);
  deepEqual(texts(chat.latest.messages), ["Can I?", "Which?", "Returns"]);
  equal(chat.latest.messages[2]!.id, stored.id);
  deepEqual(choiceOf(stored), { message_id: question.id, number: 1, is_late: false });
  wasHonest(chat);
  chat.unmount();
});

test("a window shows the conversation that it is given, and says what was read when asked", async () => {
  const customer = await newCustomer();
  const conversation = await quietConversation(customer, "before");
  const agent = await newAgent();
  const heard: string[] = [];
  const chat = await openWindow(customer, {
    conversationId: conversation.id,
    autoMarkAsRead: false,
    onMessageReceived: ({ content }) => heard.push(content),
  });
  await until(() => chat.latest.isConnected && !chat.latest.isLoading);
  await (await agent.conversations.get(conversation.id)).send("Hello.", { senderType: "agent" });
  await until(() => chat.latest.unreadCount === 1);
  const written = ["one", "two", "three"];
  await Promise.all(written.map((text) => chat.latest.sendMessage(text)));
  await until(() => heard.length === 4);

  deepEqual(texts(chat.latest.messages), ["before", "Hello.", ...written]);
  deepEqual(heard, ["Hello.", ...written]);
  await chat.latest.markMessageAsRead(chat.latest.messages[1]!.id);
  await until(() => chat.latest.unreadCount === 0);
  wasHonest(chat);
  chat.unmount();
});

test("a window without a network says so, and recovers", async () => {
  const network = await openNetwork(API_URL);
  const customer = await newCustomer(network.url);
  const conversation = await quietConversation(customer, "before");
  const errors: Error[] = [];
  network.refuse(true);
  network.cut();
  const chat = await openWindow(customer, {
    conversationId: conversation.id,
    onError: (error) => errors.push(error),
  });
  await until(() => chat.latest.error);
  equal(await waiting({ 10_000: 1_000 }, () => chat.latest.sendMessage("lost?")), null);
  await until(() => statuses(chat)[0] === "failed");
  equal(chat.latest.isConnected, false);
  deepEqual(new Set(errors.map(({ name }) => name)), new Set(["Unreachable"]));
  deepEqual(await storedTexts(chat.latest.messages), ["before"]);
  const { id } = chat.latest.messages[0]!;

  network.refuse(false);
  await until(() => chat.latest.isConnected && chat.latest.error === null);
  deepEqual(texts(chat.latest.messages), ["before", "lost?"]);
  deepEqual(statuses(chat), ["sent", "failed"]);
  await Promise.all([chat.latest.retryMessage(id), chat.latest.retryMessage(id)]);
  await until(() => statuses(chat)[1] === "sent");

  equal(chat.latest.messages[1]!.id, id);
  deepEqual(await storedTexts(chat.latest.messages), ["before", "lost?"]);

  network.refuse(true);
  network.cut();
  await until(() => !chat.latest.isConnected);
  await (await (await newAgent()).conversations.get(conversation.id)).markRead();
  network.refuse(false);
  await until(() => statuses(chat).every((status) => status === "read")); // that was sent but once
  wasHonest(chat);
  chat.unmount();
});

test("a message whose answer gets lost is stored once, and is no failure", async () => {
  let isLosing = false;
  const customer = connect(ANON_KEY, API_URL, async (at, init) => {
    const answer = await fetch(at, init);
    if (isLosing && String(at).includes("/messages"))
      throw new TypeError("the connection was reset");
    return answer;
  });
  await customer.signInAnonymously();
  const conversation = await quietConversation(customer, "before");
  const errors: Error[] = [];
  const chat = await openWindow(customer, {
    conversationId: conversation.id,
    onError: (error) => errors.push(error),
  });
  await until(() => chat.latest.isConnected);
  isLosing = true;
  const sent = await chat.latest.sendMessage("once");

  deepEqual([sent?.status, errors], ["sent", []]);
  deepEqual(texts(chat.latest.messages), ["before", "once"]);
  deepEqual(await storedTexts(chat.latest.messages), ["before", "once"]);
  wasHonest(chat);
  chat.unmount();
});

test("customer and agent see each other, and type", async () => {
  const customer = await newCustomer();
  const { id } = await quietConversation(customer, "hi");
  const typing: number[] = [];
  const present: string[][] = [];
  const chat = await openWindow(customer, {
    conversationId: id,
    onTypingChange: (indicators) => typing.push(indicators.length),
    onParticipantChange: (people) => present.push(people.map(({ name }) => name)),
  });
  const { presence } = await (await newAgent()).conversations.get(id);
  const seen: boolean[] = [];
  const people = presence.people({ role: "agent", name: "Ben" });
  void (async () => {
    for await (const [customer] of people) if (customer) seen.push(customer.isTyping);
  })();
  await until(() => chat.latest.onlineParticipants.length === 1 && seen.length > 0);
  const [agent] = chat.latest.participants;
  deepEqual([agent?.name, agent?.role, agent?.is_online], ["Ben", "agent", true]);

  await until(() => (chat.latest.setTyping(true), seen.at(-1)));
  await chat.latest.setTyping(false);
  await until(() => seen.at(-1) === false);
  await until(() => (void presence.typing(true), chat.latest.isAnyoneTyping));
  equal(chat.latest.typingIndicators[0]?.user_id, agent?.id);
  await presence.typing(false);
  await until(() => !chat.latest.isAnyoneTyping);
  await people.return?.();
  await until(() => present.length === 2 && typing.length === 2);

  deepEqual(
    [typing, present],
    [
      [1, 0],
      [["Ben"], []],
    ],
  );
  chat.unmount();
});

test("the AI types while its reply is written", async () => {
  const customer = await newCustomer();
  const { id, topic } = await quietConversation(customer, "hi");
  const chat = await openWindow(customer, { conversationId: id });
  const events = service.supabase.channel(topic, { config: { private: true } });
  const draft = { turn_id: randomUUID(), draft_id: randomUUID() };
  await until(async () => {
    await events.httpSend("reply.started", draft);
    return chat.latest.isAnyoneTyping;
  });
  equal(chat.latest.typingIndicators[0]?.user_id, "ai_agent");
  await events.httpSend("reply.settled", { ...draft, outcome: "taken_over", message_id: null });
  await until(() => !chat.latest.isAnyoneTyping);
  chat.unmount();
});

test("files go with the next message, and whoever reads it reads them", async () => {
  const chat = await openWindow(await newCustomer(), { enableFileUpload: true });
  const url = await chat.latest.uploadFile(new File(["one"], "one.png", { type: "image/png" }));
  await chat.latest.uploadFile(new File(["two"], "two.txt", { type: "text/plain" }));
  equal(await (await fetch(url)).text(), "one");
  await chat.latest.sendMessage("Look.");
  await until(() => statuses(chat).filter((status) => status === "sent").length === 2);

  const kinds = chat.latest.messages.map(({ message_type }) => message_type);
  deepEqual(
    [texts(chat.latest.messages), kinds],
    [
      ["Look.", "two.txt"],
      ["image", "file"],
    ],
  );
  const agent = await newAgent();
  for (const [index, content] of ["one", "two"].entries()) {
    const file = attachmentOf(chat.latest.messages[index]!.row!);
    equal(await (await agent.attachments.download(file!)).text(), content);
  }
  chat.unmount();

  const without = await openWindow(await newCustomer());
  await rejects(without.latest.uploadFile(new File([], "")), /enableFileUpload/);
  without.unmount();
});

test("a conversation that was left stays open, and is found again", async () => {
  const customer = await newCustomer();
  const chat = await use(customer, () => useRealTimeChat({ userId: "visitor-17" }));
  deepEqual([chat.latest.isLoading, chat.latest.isConnected], [false, false]);
  const id = await chat.latest.startConversation();
  await until(() => chat.latest.isConnected);
  await chat.latest.sendMessage("hi");
  await chat.latest.endConversation();
  await until(() => chat.latest.messages.length === 0 && !chat.latest.isConnected);

  equal((await customer.conversations.get(id)).row.status, "active");
  equal(await chat.latest.startConversation(), id);
  await until(() => texts(chat.latest.messages)[0] === "hi");
  chat.unmount();
  await until(() => customer.supabase.getChannels().length === 0);
});

test("a window that is given another conversation shows that one alone", async () => {
  const customer = await newCustomer();
  const one = await quietConversation(customer, "one");
  const { id } = await quietConversation(await newCustomer(), "two");
  const chat = await use(
    await newAgent(),
    (conversationId) => useRealTimeChat({ conversationId }),
    one.id,
  );
  await until(() => texts(chat.latest.messages)[0] === "one");
  const sent = ["for one", "and one more"].map((text) => chat.latest.sendMessage(text));
  chat.give(id);
  await until(() => texts(chat.latest.messages)[0] === "two");
  await chat.latest.sendMessage("for two");
  await until(() => chat.latest.messages.length === 2);

  await Promise.all(sent);
  deepEqual(texts(chat.latest.messages), ["two", "for two"]);
  deepEqual(texts(await one.messages()), ["one", "for one", "and one more"]);
  chat.unmount();
});

test("a window that is given another conversation while it opens one shows the other", async () => {
  const one = await quietConversation(await newCustomer(), "one");
  const { id } = await quietConversation(await newCustomer(), "two");
  const chat = await use(
    await newAgent(),
    (conversationId) => useRealTimeChat({ conversationId }),
    one.id,
  );
  // Before it was read; and however slow the machine is.
  const sent = waiting({ 10_000: 60_000 }, () => chat.latest.sendMessage("for one"));
  chat.give(id);
  await until(() => texts(chat.latest.messages)[0] === "two");
  equal((await sent)?.content, "for one");

  deepEqual(texts(await one.messages()), ["one", "for one"]);
  deepEqual(texts(chat.latest.messages), ["two"]);
  chat.unmount();
});

test("who has no session is told so, and can write once there is one", async () => {
  const customer = await newCustomer();
  await customer.supabase.auth.signOut();
  const errors: Error[] = [];
  const chat = await openWindow(customer, { onError: (error) => errors.push(error) });
  equal(await chat.latest.sendMessage("hi"), null);
  await until(() => statuses(chat)[0] === "failed");
  equal(errors.at(-1)?.name, "NotSignedIn");
  await customer.signInAnonymously();
  await chat.latest.retryMessage(chat.latest.messages[0]!.id);
  await until(() => statuses(chat)[0] === "sent" && chat.latest.error === null);

  deepEqual(await storedTexts(chat.latest.messages), ["hi"]);
  chat.unmount();
});
