/** Conversations: open, write, read, ask, and who may. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";

import {
  attachmentOf,
  NoAnswer,
  NotFound,
  NotSignedIn,
  PermissionDenied,
  ServerError,
  TooLarge,
  Unreachable,
  kindOf,
} from "romashka";

import { openNetwork } from "./network.js";
import {
  answerNext,
  connect,
  newAgent,
  newCustomer,
  newIdentifier,
  quietConversation,
} from "./project.js";
import { ANON_KEY, API_URL } from "./settings.js";

test("messages come back in order, a page at a time", async () => {
  const client = await newCustomer();
  const conversation = await quietConversation(client, "1", "2", "3", "4");
  const newest = await conversation.messages({ limit: 2 });
  const older = await conversation.messages({ limit: 2, before: newest[0]!.position });

  deepEqual([...older, ...newest], await conversation.messages());
  deepEqual(
    newest.map(({ content }) => content),
    ["3", "4"],
  );
});

test("a question gives its answer, piece by piece if need be", async () => {
  const client = await newCustomer();
  const conversation = await client.conversations.create(newIdentifier());
  const asked = conversation.ask("What is Romashka?");
  await answerNext(conversation.id, "An inbox.");
  const answer = await asked;
  const streamed = all(conversation.stream("I want a human"));
  await answerNext(conversation.id, "", { action: "escalate", reason: "human_requested" });
  const last = (await streamed).at(-1);

  deepEqual([kindOf(answer), answer.content], ["reply", "An inbox."]);
  equal(last?.type === "message.created" && kindOf(last.message), "handover");
});

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const found: Value[] = [];
  for await (const value of values) found.push(value);
  return found;
}

test("a question says when nobody answers", async () => {
  const client = await newCustomer();
  const conversation = await client.conversations.create(newIdentifier());

  await rejects(conversation.ask("Anybody there?", { timeoutMs: 200 }), NoAnswer);
});

test("refusals have a class and a stable name", async () => {
  const client = await newCustomer();
  const conversation = await client.conversations.create(newIdentifier());
  const nobody = connect(ANON_KEY);
  const stranger = await newCustomer();

  await rejects(conversation.send("x".repeat(5000)), matching(TooLarge, "message_too_long"));
  await rejects(nobody.conversations.create("me"), matching(NotSignedIn, "session_required"));
  await rejects(
    nobody.signIn("nobody@example.com", "no"),
    matching(NotSignedIn, "invalid_credentials"),
  );
  await rejects(stranger.conversations.get(conversation.id), NotFound);
  await rejects(connect("key", "http://127.0.0.1:9").conversations.create("me"), Unreachable);
});

function matching(kind: typeof ServerError, code: string) {
  return (error: unknown) => error instanceof kind && error.code === code && !error.retryable;
}

test("a file goes with a message, and only who reads the conversation reads it", async () => {
  const client = await newCustomer();
  const conversation = await client.conversations.create(newIdentifier());
  const photo = new File(["pixels"], "Bild 1.PNG", { type: "image/png" });
  const attachment = await client.attachments.upload(conversation.id, photo);
  const message = await conversation.send("It looks like this.", { attachment });
  const stranger = await newCustomer();
  const url = await client.attachments.signedUrl(attachment);

  equal(message.message_type, "image");
  deepEqual(attachmentOf(message), attachment);
  equal(await (await client.attachments.download(attachment)).text(), "pixels");
  equal(await (await fetch(url)).text(), "pixels");
  await rejects(stranger.attachments.download(attachment), NotFound);
  await rejects(stranger.attachments.upload(conversation.id, photo), PermissionDenied);
});

test("a message whose answer got lost is stored once", async () => {
  const network = await openNetwork(API_URL);
  const client = await newCustomer(network.url);
  const conversation = await quietConversation(client);
  network.cutAfter(20);
  await conversation.send("once");

  deepEqual(
    (await conversation.messages()).map(({ content }) => content),
    ["once"],
  );
  equal((await conversation.metrics()).total_messages, 1);
});

test("staff work on conversations, and list them by filter and page", async () => {
  const customer = await newCustomer();
  const agent = await newAgent();
  const word = newIdentifier();
  const { id } = await customer.conversations.create(word, { message: "help" });
  const conversation = await agent.conversations.get(id);
  await conversation.takeOver();
  await conversation.addNote("knows the customer");
  await conversation.send("Hello.", { senderType: "agent" });
  await customer.conversations.create(word, { channelType: "email" });
  const first = await agent.conversations.list({ search: word, limit: 1 });
  const second = await agent.conversations.list({ search: word, limit: 1, before: first[0]! });
  const waiting = await agent.conversations.list({ search: word, requiresHuman: true });

  deepEqual(
    [...first, ...second].map(({ row }) => row.channel_type),
    ["email", "website"],
  );
  deepEqual(
    waiting.map((found) => [found.id, found.row.last_message]),
    [[id, "Hello."]],
  );
  equal((await conversation.notes())[0]?.content, "knows the customer");
  await conversation.returnToAi();
  await conversation.resolve();
  equal((await agent.conversations.get(id)).row.status, "resolved");
});
