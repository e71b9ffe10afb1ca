/** The messages of a conversation as they are committed: each once, in order, come what may. */
import type { Broadcast, Listener, Page } from "./listener.js";
import type { ConversationEvent, Message, PassingEvent } from "./models.js";
import { Reader } from "./reader.js";

const CREATED = "message.created";
const UPDATED = "message.updated";
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
        if (message && message.position <= seen + 1) yield* unseen([message]);
        else reader.ask();
      } else if (isKnown(signal, seen)) {
        yield { ...signal.payload, type: signal.event } as PassingEvent;
      }
    }
  } finally {
    reader.close();
  }
}

/** Servers of other versions say more: whoever does not know it does not hear it. */
function isKnown(signal: Broadcast, seen: number): boolean {
  const changed = signal.event === UPDATED ? messageOf(signal) : undefined;
  return REPLY.has(signal.event) || (changed !== undefined && changed.position <= seen);
}

function messageOf({ payload }: Broadcast): Message | undefined {
  const message = payload["message"] as Message | undefined;
  return typeof message?.position === "number" ? message : undefined;
}
