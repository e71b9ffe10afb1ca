/** The hooks, as inboxes use them: mount, select, send, receive, switch, unmount. */
import "./dom.js";

import { deepEqual, equal, rejects } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { choiceOf, choicesOf, type Romashka } from "romashka";
import {
  useReplyStream,
  useRealtimeMessages,
  type UseRealtimeMessagesOptions,
  useTyping,
} from "romashka/react";

import { texts, use } from "./hooks.js";
import {
  answerNext,
  newAgent,
  newCustomer,
  newIdentifier,
  quietConversation,
  service,
  until,
} from "./project.js";
import { test } from "./together.js";

async function useInbox(client: Romashka, options: UseRealtimeMessagesOptions = {}) {
  return use(client, () => useRealtimeMessages(options));
}

test("an inbox is mounted, selects, sends, receives, switches and goes", async () => {
  const customer = await newCustomer();
  const one = await quietConversation(customer, "one");
  const two = await quietConversation(await newCustomer(), "two");
  const agent = await newAgent();
  const news: string[] = [];
  const updates: string[] = [];
  const inbox = await useInbox(agent, {
    onNewMessage: ({ content }) => news.push(content),
    onConversationUpdate: ({ id }) => updates.push(id),
  });
  await until(() => inbox.latest.conversations.length >= 2);
  equal(inbox.latest.isLoading, false);

  inbox.latest.selectConversation(one.id);
  await until(() => inbox.latest.messages.length === 1);
  equal(inbox.latest.selectedConversation?.id, one.id);
  await until(() => agent.supabase.getChannels().length === 2);
  await one.send("more");
  await inbox.latest.sendMessage("Hello.");
  await inbox.latest.sendMessage(" ");
  await until(() => inbox.latest.messages.length === 3);
  deepEqual(
    inbox.latest.messages.map(({ isFromCustomer }) => isFromCustomer),
    [true, true, false],
  );
  await until(() => inbox.latest.selectedConversation?.last_message === "Hello.");
  await inbox.latest.markMessageAsRead(inbox.latest.messages[1]!.id);
  await until(async () => {
    await inbox.latest.refreshMessages();
    return inbox.latest.messages[1]!.deliveryStatus === "read";
  });

  await inbox.latest.selectConversation(
    inbox.latest.conversations.find(({ id }) => id === two.id)!,
  );
  await until(() => texts(inbox.latest.messages)[0] === "two");
  equal(inbox.latest.selectedConversation?.channels[0]?.conversationId, two.id);
  await inbox.latest.sendMessage("not shown", one.id);
  await two.send("shown");
  await until(() => inbox.latest.messages.length === 2 && news.length === 3);

  deepEqual(texts(inbox.latest.messages), ["two", "shown"]);
  deepEqual(news, ["more", "Hello.", "shown"]);
  equal(updates.includes(one.id), true);
  inbox.unmount();
  await until(() => agent.supabase.getChannels().length === 0);
});

test("a customer's window loads without an inbox, and creates a conversation", async () => {
  const customer = await newCustomer();
  const errors: Error[] = [];
  const chat = await useInbox(customer, {
    senderType: "user",
    onError: (error) => errors.push(error),
  });
  const { id, customerIdentity } = await chat.latest.createConversation(newIdentifier());
  await until(() => chat.latest.conversations[0]?.id === id);
  equal(chat.latest.conversations[0]!.customerIdentity.name, customerIdentity.name);
  await until(() => chat.latest.selectedConversation && !chat.latest.isLoading);
  await chat.latest.sendMessage("hi");
  await answerNext(id, "An answer.");
  await until(() => chat.latest.messages.length === 2);

  deepEqual(texts(chat.latest.messages), ["hi", "An answer."]);
  deepEqual(errors, []);
  chat.unmount();
});

test("a customer's window shows what a question offers, and chooses", async () => {
  const chat = await useInbox(await newCustomer(), { senderType: "user" });
  const { id } = await chat.latest.createConversation(newIdentifier());
  await until(() => chat.latest.selectedConversation && !chat.latest.isLoading);
  await chat.latest.sendMessage("Can I?");
  await answerNext(id, "Which?", { choices: [{ label: "Returns" }, { label: "None of these" }] });
  await until(() => chat.latest.messages.length === 2);
  const question = chat.latest.messages[1]!;
  await rejects(chat.latest.choose(question, 3), /offers 1 to 2, not 3/);
  await until(() => chat.latest.error?.message.includes("offers 1 to 2"));
  await chat.latest.choose(question, choicesOf(question)[1]!.number);
  await until(() => chat.latest.messages.length === 3);

  deepEqual(choiceOf(chat.latest.messages[2]!), {
    message_id: question.id,
    number: 2,
    is_late: false,
  });
  deepEqual(texts(chat.latest.messages), ["Can I?", "Which?", "None of these"]);
  await until(() => chat.latest.error === null);
  chat.unmount();
});

test("what goes wrong is shown, and goes away", async () => {
  const errors: Error[] = [];
  const chat = await useInbox(await newCustomer(), { onError: (error) => errors.push(error) });
  await chat.latest.sendMessage("to nobody").catch(() => {});
  await until(() => chat.latest.error);
  chat.latest.selectConversation(null);
  await until(() => chat.latest.error === null);

  deepEqual(
    errors.map(({ message }) => message),
    ["unable to send; no conversation is selected"],
  );
  chat.unmount();
});

test("a reply is shown while it is written, and gives way", async () => {
  const customer = await newCustomer();
  const conversation = await customer.conversations.create(newIdentifier());
  const stream = await use(customer, () => useReplyStream(conversation.id));
  const topic = service.supabase.channel(`conversation:${conversation.id}`, {
    config: { private: true },
  });
  const draft = { turn_id: randomUUID(), draft_id: randomUUID() };
  await until(async () => {
    await topic.httpSend("reply.started", draft);
    return stream.latest.isReplying;
  });
  await topic.httpSend("reply.delta", { ...draft, sequence: 1, text: "An " });
  await topic.httpSend("reply.delta", { ...draft, sequence: 2, text: "inbox." });
  await until(() => stream.latest.text === "An inbox.");
  await topic.httpSend("reply.settled", { ...draft, outcome: "replied", message_id: null });

  await until(() => !stream.latest.isReplying);
  stream.unmount();
});

test("two who look at a conversation see each other type", async () => {
  const customer = await newCustomer();
  const { id } = await customer.conversations.create(newIdentifier());
  const ada = await use(customer, () => useTyping(id, { role: "customer", name: "Ada" }));
  const agent = await newAgent();
  const ben = await use(agent, () => useTyping(id, { role: "agent", name: "Ben" }));
  await until(() => ada.latest.people.length === 1 && ben.latest.people.length === 1);

  await until(() => {
    ada.latest.setTyping(true);
    return ben.latest.typing[0]?.name === "Ada";
  });
  ada.latest.setTyping(false);
  await until(() => ben.latest.typing.length === 0);
  equal(ben.latest.people[0]?.role, "customer");
  ada.unmount();
  ben.unmount();
});
