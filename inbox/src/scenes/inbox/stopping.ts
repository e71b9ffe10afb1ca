/**
 * Stop the AI and take over: the database decides which of the two was first, and this says which it was.
 *
 * While it is not known, the draft stands as it was. Either the answer was stored before, and then it stands; or it was
 * not, and then it never will be: a takeover ends the turn in its own transaction.
 */
import type { Conversation, Draft, Store, Thread } from "romashka";

import { hasAnswer } from "./items";

export interface Stop {
  phase: "stopping" | "won" | "lost";
  turnId: string;
  /** What the AI had written by then. */
  text: string;
}

export class Stopping implements Store<Stop | null> {
  #stop: Stop | null = null;
  readonly #watchers = new Set<() => void>();

  readonly getSnapshot = (): Stop | null => this.#stop;

  readonly subscribe = (onChange: () => void): (() => void) => {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  };

  retry(): void {}

  /** Take over while `draft` is being written. */
  async begin(conversation: Conversation, thread: Thread, draft: Draft): Promise<void> {
    if (this.#stop?.phase === "stopping") return;
    const { turnId, text } = draft;
    this.#show({ phase: "stopping", turnId, text });
    // What comes of it meanwhile is read, too.
    const leave = thread.subscribe(() => {
      const { draft: now } = thread.getSnapshot();
      if (now?.turnId === turnId && this.#stop) this.#show({ ...this.#stop, text: now.text });
    });
    try {
      await conversation.takeOver();
      await thread.refresh(); // an answer that was first is stored, and may not be heard yet
      const isAnswered = hasAnswer(thread.getSnapshot().messages, turnId);
      this.#show({ ...this.#stop!, phase: isAnswered ? "lost" : "won" });
    } catch (error) {
      this.clear(); // the draft goes on
      throw error;
    } finally {
      leave();
    }
  }

  /** It was read. */
  clear(): void {
    this.#show(null);
  }

  #show(stop: Stop | null): void {
    this.#stop = stop;
    this.#watchers.forEach((tell) => tell());
  }
}

const known = new Map<string, Stopping>();

/** The one of a conversation, whoever looks at it. */
export function stoppingOf(conversationId: string): Stopping {
  const stopping = known.get(conversationId) ?? new Stopping();
  known.set(conversationId, stopping);
  return stopping;
}
