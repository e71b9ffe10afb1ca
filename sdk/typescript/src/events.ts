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
      } else {
        for (const event of eventsOf(signal)) {
          if (event.type === "message.created") {
            const { message } = event;
            const isNews = message.position > seen;
            if (message.position > seen + 1) reader.ask();
            else yield* unseen([message]);
            if (isNews && message.position === seen && message.turn_id) {
              yield settledBy(message, message.turn_id);
            }
          } else if (event.type === "message.updated") {
            if (event.message.position <= seen) yield event;
          } else if (event.type === "message.unknown") reader.ask();
          else yield event;
        }
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

/** A message was committed that is too large for an event, or is told in a way that we do not know. */
interface MessageUnknown {
  type: "message.unknown";
}

/** Return what a broadcast says, as far as it is what we know: servers of other versions say more. */
export function eventsOf({
  event,
  payload,
}: Broadcast): readonly (ConversationEvent | MessageUnknown)[] {
  if (REPLY.has(event)) return [{ ...payload, type: event } as PassingEvent];
  if (event !== CREATED && event !== UPDATED && event !== MANY_UPDATED) return [];
  const messages = (payload["messages"] ?? [payload["message"]]) as (Message | undefined)[];
  const type = event === CREATED ? CREATED : UPDATED;
  const told = messages.filter((message) => typeof message?.position === "number") as Message[];
  if (type === CREATED && told.length === 0) return [{ type: "message.unknown" }];
  return told.map((message) => ({ type, message }));
}
