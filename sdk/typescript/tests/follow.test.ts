/** What subscriptions are made of, tried with more misfortune than a network has in a second. */
import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { draftAfter, Listener, type Message, NO_DRAFT, type Signal } from "romashka";

import { follow } from "../dist/events.js";

const newListener = () => new Listener({ remove() {} } as never);
const message = (position: number) => ({ position }) as Message;
const created = (position: number): Signal => ({
  type: "broadcast",
  event: "message.created",
  payload: { message: message(position) },
});

/** Pseudo-random numbers: the same ones for the same seed (mulberry32). */
function chance(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    const mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    const more = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((more ^ (more >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Reads what is committed, in small pages. */
function storeOf(committed: () => number) {
  return async (position: number) => {
    const left = committed() - position;
    const rows = [...Array(Math.min(left, 3)).keys()].map((index) => message(position + 1 + index));
    await new Promise(setImmediate);
    return { type: "page" as const, rows, isLast: left <= 3 };
  };
}

/** Follow a conversation of 100 messages whose broadcasts suffer; return the positions seen. */
async function sufferedPositions(seed: number): Promise<number[]> {
  const random = chance(seed);
  const listener = newListener();
  let committed = 0;
  const late: Signal[] = [];
  const seen: number[] = [];
  const reading = (async () => {
    for await (const event of follow(
      listener,
      storeOf(() => committed),
      0,
    )) {
      if (event.type === "message.created") seen.push(event.message.position);
      if (random() < 0.2) await new Promise(setImmediate);
    }
  })();
  for (let step = 0; step < 100; step += 1) {
    const signal = created((committed += 1));
    if (random() < 0.7) listener.put(signal);
    if (random() < 0.3) late.push(signal);
    if (random() < 0.2) listener.put(late.shift() ?? { type: "check" });
    if (random() < 0.1) listener.put({ type: "resync" });
    if (random() < 0.3) await new Promise(setImmediate);
  }
  listener.put({ type: "check" });
  for (let turns = 0; turns < 1_000; turns += 1) await new Promise(setImmediate);
  await listener.return();
  await reading;
  return seen;
}

test("each message comes once and in order, whatever is lost, doubled or late", async () => {
  const all = [...Array(100).keys()].map((index) => index + 1);
  for (const seed of Array(100).keys()) deepEqual(await sufferedPositions(seed), all, `${seed}`);
});

test("what a newer server says is passed over, or read", async () => {
  const listener = newListener();
  const told = (event: string, payload = {}) => listener.put({ type: "broadcast", event, payload });
  told("message.translated", { message: message(1) });
  told("message.updated", { message: "of another form" });
  told("reply.started", { turn_id: "t", draft_id: "d" });
  told("message.created", { id: 1 });
  const seen: string[] = [];
  for await (const event of follow(
    listener,
    storeOf(() => 2),
    0,
  )) {
    seen.push(event.type);
    if (seen.length === 3) break;
  }

  deepEqual(seen, ["reply.started", "message.created", "message.created"]);
});

test("a slow reader costs a bounded amount of memory", async () => {
  const listener = newListener();
  for (let position = 1; position <= 10_500; position += 1) listener.put(created(position));
  listener.put({ type: "check" });
  const kept: string[] = [];
  while (kept.at(-1) !== "check") kept.push((await listener.next()).value!.type);

  equal(kept[0], "resync");
  equal(kept.length <= 1_001, true);
});

test("a screen shows the draft that counts", () => {
  const ids = (turn: string, draft: string) => ({ turn_id: turn, draft_id: draft });
  const texts: (string | undefined)[] = [];
  let state = NO_DRAFT;
  for (const event of [
    { type: "reply.started", ...ids("t", "a") },
    { type: "reply.delta", ...ids("t", "a"), sequence: 1, text: "An " },
    { type: "reply.delta", ...ids("t", "a"), sequence: 3, text: "lost" },
    { type: "reply.delta", ...ids("t", "b"), sequence: 2, text: "of another" },
    { type: "reply.delta", ...ids("t", "b"), sequence: 1, text: "Another" },
    { type: "reply.settled", turn_id: "t", outcome: "superseded", message_id: null },
    { type: "reply.started", ...ids("t", "c") },
    { type: "message.created", message: { turn_id: "t" } as Message },
    { type: "reply.delta", ...ids("t", "d"), sequence: 1, text: "too late" },
  ] as const) {
    state = draftAfter(state, event);
    texts.push(state.draft?.text);
  }

  deepEqual(texts, ["", "An ", "An ", "An ", "Another", undefined, "", undefined, undefined]);
});
