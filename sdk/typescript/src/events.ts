/** The messages of a conversation as they are committed: each once, in order, come what may. */
import type { Broadcast, Listener, Page } from "./listener.js";
import { type ConversationEvent, kindOf, type Message, type PassingEvent } from "./models.js";
import { Reader } from "./reader.js";

const CREATED = "message.created";
const UPDATED = "message.updated";
const MANY_UPDATED = "messages.updated";
/** The events that are about a reply which is being written. */
const REPLY = new Set(["reply.started", "reply.delta", "reply.settled"]);

/** Reads a page of the committed messages after a position, in order. */
export type ReadAfter = (position: number, signal: AbortSignal) => PromiseLike<Page<Message>>;

/**
 * Give every message whose position is greater than `after`, and between them what passes by.
 *
 * The topic was joined before anything is read, so a message is in what is read, or in a later broadcast,
 * or in both; its position tells. A broadcast that leaves a gap makes us read: positions are gapless, and
 * in commit order. What is read is read beside the broadcasts: the next message is shown from wherever it
 * comes first.
 */
export async function* follow(
  listener: Listener,
  readAfter: ReadAfter,
  after: number,
): AsyncGenerator<ConversationEvent, void> {
  let seen = after;
  const reader = new Reader<Message>(listener, (signal) => readAfter(seen, signal));
  function* unseen(messages: Message[]): Generator<ConversationEvent> {
    for (const message of messages) {
      if (message.position <= seen) continue;
      seen = message.position;
      yield { type: CREATED, message };
    }
  }
  try {
    for await (const signal of listener) {
      if (signal.type === "resync") reader.restart();
      else if (signal.type === "check") reader.ask();
      else if (signal.type === "page") {
        const page = signal as Page<Message>;
        yield* unseen(page.rows);
        reader.taken(page);
      } else if (signal.event === CREATED) {
        const message = messageOf(signal);
        if (message && message.position <= seen + 1) {
          const isNews = message.position > seen;
          yield* unseen([message]);
          if (isNews && message.turn_id) yield settledBy(message, message.turn_id);
        } else reader.ask();
      } else if (signal.event === UPDATED || signal.event === MANY_UPDATED) {
        for (const message of messagesOf(signal)) {
          if (message.position <= seen) yield { type: UPDATED, message };
        }
      } else if (REPLY.has(signal.event)) {
        yield { ...signal.payload, type: signal.event } as PassingEvent;
      }
    }
  } finally {
    reader.close();
  }
}

/** An answer is what tells that its turn has ended. */
function settledBy(message: Message, turnId: string): ConversationEvent {
  const outcome = kindOf(message) === "handover" ? "escalated" : "replied";
  return { type: "reply.settled", turn_id: turnId, outcome, message_id: message.id };
}

function messageOf(signal: Broadcast): Message | undefined {
  return messagesOf(signal)[0];
}

/** Return what a broadcast is about, as far as it is what we know: servers of other versions say more. */
function messagesOf({ payload }: Broadcast): Message[] {
  const messages = (payload["messages"] ?? [payload["message"]]) as (Message | undefined)[];
  return messages.filter((message) => typeof message?.position === "number") as Message[];
}
