/** The messages of a conversation from one position on; of each the latest state. */
import type { Message } from "./models.js";
import { isLater } from "./time.js";

export class MessageList {
  #messages: readonly Message[] = [];
  #changedAt = "";

  /** In order; another array only when something of it changed. */
  get all(): readonly Message[] {
    return this.#messages;
  }

  /** The position of the first; 0 if there is none. */
  get oldest(): number {
    return this.#messages[0]?.position ?? 0;
  }

  /** The position of the last; 0 if there is none. */
  get newest(): number {
    return this.#messages.at(-1)?.position ?? 0;
  }

  /** When the latest change was made that is known; empty if there is none. */
  get changedAt(): string {
    return this.#changedAt;
  }

  /** Put messages where they belong; one that is known stays the same object, unless this is a later state. */
  put(news: readonly Message[]): void {
    const messages = [...this.#messages];
    let isChanged = false;
    for (const message of news) {
      const at = placeOf(messages, message.position);
      const known = messages[at]?.position === message.position ? messages[at] : undefined;
      if (known && !isNewer(message, known)) continue;
      messages.splice(at, known ? 1 : 0, message);
      isChanged = true;
      this.#noteChange(message);
    }
    if (isChanged) this.#messages = messages;
  }

  /** Keep the newest alone. */
  cut(count: number): void {
    if (this.#messages.length > count) this.#messages = this.#messages.slice(-count);
  }

  #noteChange({ updated_at }: Message): void {
    const isFirst = this.#changedAt === "";
    if (updated_at && (isFirst || isLater(updated_at, this.#changedAt)))
      this.#changedAt = updated_at;
  }
}

/** Where a position is among messages in order, or would be. */
function placeOf(messages: readonly Message[], position: number): number {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle]!.position < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isNewer(message: Message, known: Message): boolean {
  return isLater(message.updated_at ?? message.created_at, known.updated_at ?? known.created_at);
}
