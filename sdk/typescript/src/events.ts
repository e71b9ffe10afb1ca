/** The messages of a conversation as they are committed: each once, in order, come what may. */
import { mayPass } from "./errors.js";
import type { Broadcast, Listener } from "./listener.js";
import type { ConversationEvent, Message, PassingEvent } from "./models.js";
import { backoffMs, pause } from "./pause.js";

/** Reads the committed messages after a position, in order. */
export type ReadAfter = (position: number) => AsyncIterable<Message>;

/**
 * Give every message whose position is greater than `after`, and between them what passes by.
 *
 * The topic was joined before anything is read, so a message is in what is read, or in a later broadcast,
 * or in both; its position tells. A broadcast that leaves a gap makes us read again: positions are
 * gapless, and in commit order.
 */
export async function* follow(
  listener: Listener,
  readAfter: ReadAfter,
  after: number,
): AsyncGenerator<ConversationEvent, void> {
  let seen = after;
  for await (const signal of listener) {
    if (signal.type === "broadcast" && signal.event !== "message.created") {
      if (isKnown(signal, seen)) yield { ...signal.payload, type: signal.event } as PassingEvent;
      continue;
    }
    const created = signal.type === "broadcast" ? messageOf(signal) : undefined;
    if (created && created.position <= seen) continue;
    if (created?.position === seen + 1) {
      seen = created.position;
      yield { type: "message.created", message: created };
    } else {
      for await (const message of persistently(readAfter, seen, listener)) {
        seen = message.position;
        yield { type: "message.created", message };
      }
    }
  }
}

const PASSING = new Set(["reply.started", "reply.delta", "reply.settled"]);

/** Servers of other versions say more: whoever does not know it does not hear it. */
function isKnown(signal: Broadcast, seen: number): boolean {
  const changed = signal.event === "message.updated" ? messageOf(signal) : undefined;
  return PASSING.has(signal.event) || (changed !== undefined && changed.position <= seen);
}

function messageOf({ payload }: Broadcast): Message | undefined {
  const message = payload["message"] as Message | undefined;
  return typeof message?.position === "number" ? message : undefined;
}

/** Read to the end; while the project is unreachable, wait and go on where it broke off. */
async function* persistently(
  readAfter: ReadAfter,
  seen: number,
  listener: Listener,
): AsyncGenerator<Message, void> {
  for (let failures = 0; !listener.isClosed; failures += 1) {
    try {
      for await (const message of readAfter(seen)) {
        seen = message.position;
        failures = 0;
        yield message;
      }
      return;
    } catch (error) {
      if (!mayPass(error, failures)) throw error;
      await pause(backoffMs(failures));
    }
  }
}
