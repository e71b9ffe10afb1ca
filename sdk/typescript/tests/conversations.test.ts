/** Conversations: open, write, read, ask, and who may. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import {
  attachmentOf,
  choiceOf,
  choicesOf,
  HumanHasIt,
  InvalidRequest,
  NoAnswer,
  NoAnswerNeeded,
  NotFound,
  NotSignedIn,
  PermissionDenied,
  RateLimited,
  ServerError,
  TooLarge,
  Unreachable,
  kindOf,
} from "romashka";

import { agentAs, clientOf, customerAs, gate, testForms } from "./forms.js";
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
} from "./project.js";
import { ANON_KEY, API_URL } from "./settings.js";
import { test } from "./together.js";

testForms("messages come back in order, a page at a time", async (form) => {
  const client = await customerAs(form);
  const conversation = await quietConversation(client, "1", "2", "3", "4");
  const newest = await conversation.messages({ limit: 2 });
  const older = await conversation.messages({ limit: 2, before: newest[0]!.position });

  deepEqual([...older, ...newest], await conversation.messages());
  deepEqual(
    newest.map(({ content }) => content),
    ["3", "4"],
  );
});

testForms("a question gives its answer, piece by piece if need be", async (form) => {
  const client = await customerAs(form);
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

test("who asks last in a burst gets its answer, though its job can be read only later", async () => {
  let isEarly = 2;
  const client = connect(ANON_KEY, API_URL, (input, init) => {
    const url = String(input);
    const isOfJob = url.includes("/ai_response_queue") && isEarly-- > 0;
    return fetch(isOfJob ? url.replace("eq.completed", "eq.pending") : input, init);
  });
  await client.signInAnonymously();
  const conversation = await client.conversations.create(newIdentifier());
  const asked = ["one", "two"].map((text) => conversation.ask(text, { timeoutMs: 60_000 }));
  await until(async () => (await conversation.messages()).length === 2);
  await answerNext(conversation.id, "to both");
  const answers = await Promise.all(asked);

  deepEqual(
    answers.map(({ content }) => content),
    ["to both", "to both"],
  );
  equal(isEarly < 0, true);
});

const CHOICES = [
  { label: "How do I return an item?", item_id: "6d2f1c9e-8f43-4a53-9d0c-1b8c41fbd6f1" },
  { label: "None of these", item_id: null },
];

testForms(
  "a question is answered by a choice, once; what is not offered is never sent",
  async (form) => {
    const client = await customerAs(form);
    const conversation = await client.conversations.create(newIdentifier());
    const asked = conversation.ask("Can I?");
    await answerNext(conversation.id, "Which?", { choices: CHOICES });
    const question = await asked;
    const [mine] = await conversation.messages();
    const elsewhere = { ...question, conversation_id: randomUUID() };
    for (const number of [0, 3, -1, 1.5, NaN]) {
      await rejects(conversation.choose(question, number), {
        message: `unable to choose; the message offers 1 to 2, not ${number}`,
        code: "not_offered",
      });
    }
    await rejects(conversation.choose(mine!, 1), /no question with choices/);
    await rejects(conversation.choose(elsewhere, 1), /of another conversation/);
    equal((await conversation.messages()).length, 2);
    const first = await conversation.choose(question, 1);
    const second = await conversation.choose(question, 2);

    deepEqual(choicesOf(question), [
      { number: 1, ...CHOICES[0] },
      { number: 2, ...CHOICES[1] },
    ]);
    deepEqual([first.sender_type, first.content], ["user", CHOICES[0]!.label]);
    deepEqual(choiceOf(first), { message_id: question.id, number: 1, is_late: false });
    deepEqual(choiceOf(second), { message_id: question.id, number: 2, is_late: true });
    deepEqual([choiceOf(mine!), choiceOf(question), choicesOf(first)], [null, null, []]);
    for (const other of ["x", 7, null, {}, ["x"], [null], [{ label: 1 }]]) {
      const metadata = { choices: other, choice: other };
      deepEqual(choicesOf({ ...question, metadata }), []);
      equal(choiceOf({ ...mine!, metadata }), null);
    }
  },
);

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const found: Value[] = [];
  for await (const value of values) found.push(value);
  return found;
}

testForms("a question says when nobody answers", async (form) => {
  const client = await customerAs(form);
  const conversation = await client.conversations.create(newIdentifier());

  await rejects(conversation.ask("Anybody there?", { timeoutMs: 3_000 }), NoAnswer);
});

testForms("a question does not wait for an answer that nobody owes", async (form) => {
  const client = await customerAs(form);
  const conversation = await client.conversations.create(newIdentifier());
  const asked = conversation.ask("thanks!", { timeoutMs: 60_000 });
  const refused = rejects(asked, NoAnswerNeeded);
  await answerNext(conversation.id, "", { action: "none" });

  await refused;
});

testForms("a question whose turn ends while nothing is heard is told so", async (form) => {
  const customer = await newCustomer();
  const { client, wire } = clientOf(() => customer, form);
  const conversation = await client.conversations.create(newIdentifier());
  const sent = gate();
  wire.after = (path) => (path.includes("/messages") ? sent.wait : undefined);
  const asked = conversation.ask("thanks!", { timeoutMs: 60_000 });
  const refused = rejects(asked, NoAnswerNeeded);
  const elsewhere = await service.conversations.get(conversation.id);
  await until(async () => (await elsewhere.messages()).length === 1);
  await client.backend.realtime.disconnect(); // so what is told is lost
  await answerNext(conversation.id, "", { action: "none" });
  sent.open();
  client.connection.retry();

  await refused;
});

testForms("a question to a conversation that a human has waits for nothing", async (form) => {
  const client = await customerAs(form);
  const conversation = await client.conversations.create(newIdentifier());
  const first = conversation.ask("a human, please", { timeoutMs: 60_000 });
  await answerNext(conversation.id, "", { action: "escalate", reason: "human_requested" });
  equal(kindOf(await first), "handover");

  await rejects(conversation.ask("Are you there?", { timeoutMs: 60_000 }), HumanHasIt);
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

test("a limit of files is told from a missing right, which Storage calls both", async () => {
  let message = "";
  const server = createServer((_, answer) => {
    answer.writeHead(400, { "content-type": "application/json" });
    answer.end(JSON.stringify({ statusCode: "403", error: "Unauthorized", message }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect("key", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const upload = () => client.attachments.upload(randomUUID(), new File(["x"], "a.png"));

  message = "too_many_files; the limit is 60 files an hour";
  await rejects(upload, (error) => error instanceof RateLimited && error.code === "too_many_files");
  message = "no_room_for_files; the limit is 1000 MB in all";
  await rejects(upload, matching(TooLarge, "no_room_for_files"));
  message = "new row violates row-level security policy";
  await rejects(upload, PermissionDenied);
  server.close();
  server.closeAllConnections();
});

testForms("a message whose answer got lost is stored once", async (form) => {
  const network = await openNetwork(API_URL);
  const client = await customerAs(form, network.url);
  const conversation = await quietConversation(client);
  network.cutAfter(20);
  await conversation.send("once");

  deepEqual(
    (await conversation.messages()).map(({ content }) => content),
    ["once"],
  );
  equal((await conversation.metrics()).total_messages, 1);
});

testForms("a message that is sent again with its id is stored once", async (form) => {
  const conversation = await quietConversation(await customerAs(form));
  const id = randomUUID();
  const options = { id, metadata: { page: "/prices" } };
  const first = await conversation.send("once", options);
  const again = await conversation.send("once", options);

  deepEqual([first.id, again], [id, first]);
  deepEqual(first.metadata, options.metadata);
  equal((await conversation.messages()).length, 1);
});

testForms("staff work on conversations, and list them by filter and page", async (form) => {
  const customer = await customerAs(form);
  const account = await newAgent();
  const { client: agent } = clientOf(() => account, form);
  const word = `${newIdentifier()} "odd", (100%) *_\\`;
  const { id } = await customer.conversations.create(word, { message: "help" });
  const conversation = await agent.conversations.get(id);
  await conversation.takeOver();
  const { data } = await account.supabase.auth.getUser();
  await conversation.assign(data.user!.id);
  equal((await agent.conversations.list({ assignedAgentId: data.user!.id })).length, 1);
  await conversation.assign(null);
  equal((await conversation.refresh()).row.assigned_agent_id, null);
  await conversation.addNote("knows the customer");
  await conversation.send("Hello.", { senderType: "agent" });
  await customer.conversations.create(word, { channelType: "email" });
  const first = await agent.conversations.list({ search: word, limit: 1 });
  const second = await agent.conversations.list({ search: word, limit: 1, before: first[0]! });
  const waiting = await agent.conversations.list({ search: word, requiresHuman: true });
  deepEqual(await agent.conversations.list({ search: word.replace("100", "%") }), []);

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

testForms("staff teach the AI, and read how well the team does", async (form) => {
  const agent = await agentAs(form);
  const word = newIdentifier();
  const item = await agent.knowledge.add(`What is a ${word}?`, "An animal.", { tags: ["zoo"] });
  const [found] = await agent.knowledge.search(`a ${word}`, { language: "en" });
  const changed = await agent.knowledge.update(item.id, { content: "A bird.", isActive: false });
  const [listed] = await agent.knowledge.list({ limit: 1 });
  const next = await agent.knowledge.list({ after: listed, limit: 1 });
  await agent.knowledge.remove(item.id);
  const levels = await agent.metrics.serviceLevel();

  equal(found?.id, item.id);
  const left = await agent.knowledge.search(word, { language: "en" }); // other tests have items, too
  equal(
    left.some(({ id }) => id === item.id),
    false,
  );
  deepEqual([changed.content, changed.status, changed.tags], ["A bird.", "archived", ["zoo"]]);
  equal(next[0]?.id === listed?.id, false);
  await rejects(agent.knowledge.update(item.id, {}), NotFound);
  await rejects((await customerAs(form)).knowledge.add("x", "y"), PermissionDenied);
  equal(levels.at(-1)?.channel_type, "all");
  await rejects(agent.metrics.serviceLevel(0), matching(InvalidRequest, "bad_window"));
});

test("only a file of the conversation is a message's file", () => {
  const id = randomUUID();
  const of = (media_url: string, attachment: unknown) =>
    attachmentOf({ conversation_id: id, media_url, metadata: { attachment } } as never);
  const path = `${id}/${randomUUID()}.png`;

  deepEqual(of(path, { name: "a" }), { path, name: "a", content_type: "", size: 0 });
  equal(of(`${randomUUID()}/${randomUUID()}.png`, { name: "a" }), null);
  equal(of("https://example.com/a.png", { name: "a" }), null);
  equal(of(path, "a"), null);
});
