/**
 * Who is here, and who types: `conversation.presence`.
 *
 * The members write to this topic themselves. So nothing on it is proved, and nothing but a display
 * depends on it.
 */
import type { Listener } from "./listener.js";
import { subscription } from "./subscription.js";
import type { Topics } from "./topics.js";

const REPEAT_MS = 3_000;
const OVER_MS = 6_000;

/** What the others see of somebody. */
export interface Self {
  role: "customer" | "agent";
  name: string;
}

/** Somebody else who looks at the conversation. */
export interface Person extends Self {
  key: string;
  isTyping: boolean;
}

export class Presence {
  #saidAt = 0;

  constructor(
    private readonly topics: Topics,
    private readonly topic: string,
  ) {}

  /**
   * Give the others who are here, each time that this changes; and let them see `self` meanwhile.
   *
   * @example
   * ```ts
   * for await (const people of conversation.presence.people({ role: "agent", name: "Ada" })) {
   *   show(people.filter((person) => person.isTyping));
   * }
   * ```
   */
  people(self?: Self): AsyncIterableIterator<Person[]> {
    return subscription(
      () => this.topics.listen(this.topic),
      (listener) => this.#follow(listener, self),
    );
  }

  /** Say that the user types, at each key; it is passed on at most each 3 s. Or that they stopped. */
  async typing(isTyping = true): Promise<void> {
    if (isTyping && Date.now() < this.#saidAt + REPEAT_MS) return;
    this.#saidAt = isTyping ? Date.now() : 0;
    const topic = this.topics.get(this.topic);
    await topic.send("typing", { key: topic.presenceKey, is_typing: isTyping });
  }

  async *#follow(listener: Listener, self?: Self): AsyncGenerator<Person[], void> {
    const topic = this.topics.get(this.topic);
    const typedAt = new Map<string, number>();
    let present: [string, Self][] = [];
    let over: ReturnType<typeof setTimeout> | undefined;
    if (self) void topic.track(self);
    try {
      for await (const signal of listener) {
        if (signal.type === "presence") {
          present = Object.entries(signal.tracked).map(([key, [first]]) => [key, first as Self]);
        } else if (signal.type === "broadcast") {
          const { key, is_typing } = signal.payload as { key: string; is_typing: boolean };
          typedAt.set(key, is_typing ? Date.now() : 0);
          clearTimeout(over);
          over = setTimeout(() => listener.put({ type: "check" }), OVER_MS);
        }
        const now = Date.now();
        yield present
          .filter(([key]) => key !== topic.presenceKey)
          .map(([key, { role, name }]) => ({
            key,
            role,
            name,
            isTyping: now < (typedAt.get(key) ?? 0) + OVER_MS,
          }));
      }
    } finally {
      clearTimeout(over);
    }
  }
}
