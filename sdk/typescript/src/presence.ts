/**
 * Who is here, and who types: `conversation.presence`.
 *
 * The members write to this topic themselves. So nothing on it is proved, and nothing but a display
 * depends on it.
 */
import type { Listener } from "./listener.js";
import { checkStorable } from "./storable.js";
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
  #key = "";

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
    checkStorable(self);
    return subscription(
      () => this.topics.listen(this.topic),
      (listener) => this.#follow(listener, self),
    );
  }

  /** Say that the user types, at each key; it is passed on at most each 3 s. Or that they stopped. */
  async typing(isTyping = true): Promise<void> {
    if (isTyping && Date.now() < this.#saidAt + REPEAT_MS) return;
    this.#saidAt = isTyping ? Date.now() : 0;
    await this.topics.send(this.topic, "typing", { key: this.#key, is_typing: isTyping });
  }

  async *#follow(listener: Listener, self?: Self): AsyncGenerator<Person[], void> {
    const { topic } = listener;
    this.#key = topic.presenceKey;
    const here = new Map<string, Member>();
    let over: ReturnType<typeof setTimeout> | undefined;
    if (self) topic.track(self);
    try {
      for await (const signal of listener) {
        replaceAll(here, topic.present);
        here.delete(topic.presenceKey);
        if (signal.type === "broadcast") {
          const member = here.get(String(signal.payload["key"]));
          if (member) member.typedAt = signal.payload["is_typing"] ? Date.now() : 0;
          clearTimeout(over);
          over = setTimeout(() => listener.put({ type: "check" }), OVER_MS);
        }
        yield [...here.values()].map(({ typedAt, ...person }) => ({
          ...person,
          isTyping: Date.now() < typedAt + OVER_MS,
        }));
      }
    } finally {
      clearTimeout(over);
    }
  }
}

interface Member extends Self {
  key: string;
  typedAt: number;
}

/** Keep since when somebody types; of the rest, believe nothing but its shape. */
function replaceAll(here: Map<string, Member>, tracked: Record<string, object[]>): void {
  const before = new Map(here);
  here.clear();
  for (const [key, [first]] of Object.entries(tracked)) {
    const { role, name } = (first ?? {}) as Partial<Record<keyof Self, unknown>>;
    here.set(key, {
      key,
      role: role === "agent" ? "agent" : "customer",
      name: typeof name === "string" ? name : "",
      typedAt: before.get(key)?.typedAt ?? 0,
    });
  }
}
