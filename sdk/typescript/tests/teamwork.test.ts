/** What an inbox does besides answering: who answers, notes, the team, search, figures. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";

import { NotFound, PermissionDenied, type Romashka, type Turn, whoAnswers } from "romashka";

import { answerNext, newAgent, newCustomer, quietConversation, until } from "./project.js";

let agent: Romashka;
before(async () => {
  agent = await newAgent();
});

test("a list says who answers, as it reads it and as it hears it", async () => {
  const customer = await newCustomer();
  const conversation = await customer.conversations.create("visitor");
  const tag = randomUUID();
  await agent.conversations.open(conversation.id).tag([tag]);
  const view = agent.inbox.view({ tags: [tag] });
  const seen: (Turn | null | undefined)[] = [];
  const leave = view.subscribe(() => seen.push(view.getSnapshot().rows[0]?.turn));
  await until(() => view.getSnapshot().state === "live");
  await conversation.send("one");
  const outcome = () => view.getSnapshot().rows[0]?.turn?.outcome;
  await until(() => outcome() === null);
  const [row] = view.getSnapshot().rows;
  const { who, turn } = whoAnswers(row!, Date.parse(row!.turn!.process_after) + 1);
  await answerNext(conversation.id, "An answer.");
  await until(() => outcome() === "replied");
  const { row: read } = await agent.conversations.get(conversation.id);
  leave();

  deepEqual([who, turn?.isWriting, turn?.deadline], ["ai", true, row!.turn!.deadline]);
  equal(whoAnswers(row!, Date.parse(row!.turn!.deadline)).turn?.isWriting, false);
  deepEqual(read.turn, view.getSnapshot().rows[0]!.turn);
  equal(whoAnswers(read, 0).turn, null);
});

test("who answers is told of every state", async () => {
  const customer = await newCustomer();
  const conversation = await customer.conversations.create("visitor", { message: "one" });
  const now = async () => whoAnswers((await agent.conversations.get(conversation.id)).row, 0);
  const work = agent.conversations.open(conversation.id);
  await answerNext(conversation.id, "", { action: "escalate", reason: "legal" });
  const waiting = await now();
  await work.takeOver();
  const human = await now();
  await work.resolve();
  const over = await now();
  await work.reopen();

  deepEqual(
    [waiting.who, human.who, over.who, (await now()).who],
    ["waiting", "human", "nobody", "ai"],
  );
  ok(waiting.waitingSince);
  deepEqual([human.waitingSince, human.agentId], [null, agent.topics.userId]);
});

test("notes are heard by colleagues, and go when their author removes them", async () => {
  const conversation = await quietConversation(await newCustomer());
  const colleague = await newAgent();
  const work = agent.conversations.open(conversation.id);
  await work.addNote("before");
  const notes = colleague.inbox.notes(conversation.id);
  const leave = notes.subscribe(() => {});
  const contents = () => notes.getSnapshot().notes.map(({ content }) => content);
  await until(() => notes.getSnapshot().state === "live" && contents().length === 1);
  const { id } = await work.addNote("heard");
  await until(() => contents().length === 2);
  await colleague.conversations.open(conversation.id).removeNote(id); // it is not theirs
  await agent.conversations.open((await quietConversation(await newCustomer())).id).addNote("else");
  deepEqual(contents(), ["before", "heard"]);
  await work.removeNote(id);
  await until(() => contents().length === 1);
  leave();

  equal(colleague.inbox.notes(conversation.id), notes);
});

test("the team sees where each looks and what they write, and nobody else does", async () => {
  const conversation = await quietConversation(await newCustomer());
  const colleague = await newAgent();
  const leaves = [agent, colleague].map(({ inbox }) => inbox.colleagues.subscribe(() => {}));
  const seen = () =>
    colleague.inbox.colleagues
      .getSnapshot()
      .people.find(({ name }) => name === "Ada" + conversation.id);
  colleague.inbox.colleagues.look("Grace");
  agent.inbox.colleagues.look("Ada" + conversation.id);
  await until(seen);
  deepEqual([seen()!.looksAt, seen()!.writes], [[], {}]);
  agent.inbox.colleagues.look("Ada" + conversation.id, conversation.id);
  await until(() => seen()!.looksAt.length === 1);
  await agent.inbox.colleagues.typing(conversation.id, "note");
  await until(() => seen()!.writes[conversation.id] === "note");
  await agent.inbox.colleagues.typing(conversation.id, null);
  await until(() => Object.keys(seen()!.writes).length === 0);
  for (let times = 0; times < 20; times += 1) agent.inbox.colleagues.look("Ada", `${times}`); // it is not closed for it
  const { userId } = seen()!;
  leaves.forEach((leave) => leave());
  const stranger = await newCustomer();
  stranger.inbox.colleagues.subscribe(() => {});
  await until(() => stranger.inbox.colleagues.getSnapshot().error);

  equal(userId, agent.topics.userId);
  ok(stranger.inbox.colleagues.getSnapshot().error instanceof PermissionDenied);
  deepEqual(stranger.inbox.colleagues.getSnapshot().people, []);
});

test("an answer is explained to staff alone", async () => {
  const customer = await newCustomer();
  const conversation = await customer.conversations.create("visitor", { message: "one" });
  await answerNext(conversation.id, "An answer.", { confidence: 0.9 });
  const [question, answer] = await conversation.messages();
  const why = await agent.conversations.open(conversation.id).explain(answer!.id);

  deepEqual([why.kind, why.outcome, why.confidence], ["reply", "replied", 0.9]);
  await rejects(conversation.explain(answer!.id), PermissionDenied);
  await rejects(agent.conversations.open(conversation.id).explain(question!.id), NotFound);
});

test("priority and tags are changed by staff alone, and undone by the opposite", async () => {
  const conversation = await quietConversation(await newCustomer());
  const work = agent.conversations.open(conversation.id);
  await work.setPriority("urgent");
  deepEqual(await work.tag(["one", "two"]), ["one", "two"]);
  deepEqual(await work.tag(["three"], ["one"]), ["two", "three"]);
  const { row } = await work.refresh();

  deepEqual([row.priority, row.tags], ["urgent", ["two", "three"]]);
  await rejects(conversation.setPriority("urgent"), NotFound);
  await rejects(conversation.tag(["x"]), PermissionDenied);
});

test("what was said and who said it is found, a page at a time", async () => {
  const word = `x${randomUUID().replaceAll("-", "")}`;
  const texts = [`Where is ${word}?`, `The ${word} came.`, `No ${word}s`];
  for (const text of texts) await quietConversation(await newCustomer(), text);
  const first = await agent.inbox.search(word.toUpperCase(), { limit: 2 });
  const second = await agent.inbox.search(word.toUpperCase(), { limit: 2, after: first.next });
  const hits = [...first.hits, ...second.hits];

  deepEqual(
    hits.map(({ conversation }) => conversation.last_message),
    [texts[1], texts[0], texts[2]],
  );
  deepEqual(hits[0]!.excerpt, [
    { text: "The ", is_match: false },
    { text: word, is_match: true },
    { text: " came.", is_match: false },
  ]);
  equal(second.next, null);
  await rejects((await newCustomer()).inbox.search(word), PermissionDenied);
});

test("figures over time open their conversations", async () => {
  const customer = await newCustomer();
  const from = new Date(Date.now() - 3_600_000);
  const conversation = await customer.conversations.create("visitor", { message: "one" });
  await answerNext(conversation.id, "An answer.");
  const to = new Date(Date.now() + 3_600_000);
  const { buckets, channels } = await agent.metrics.serviceLevelOverTime({ from, to }, "hour");
  const { rows } = await agent.metrics.conversationsBehind(
    { from, to },
    { outcome: "replied", channelType: "website" },
    { limit: 100 },
  );

  ok(buckets.length >= 2 && buckets.length <= 3);
  equal(channels.at(-1)!.channel_type, "all");
  ok(rows.some((row) => row.conversation.id === conversation.id && row.turns === 1));
  await rejects(customer.metrics.serviceLevelOverTime({ from }), PermissionDenied);
});
