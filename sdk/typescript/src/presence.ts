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

/** Somebody else who looks at the conversation, in however many windows. */
export interface Person extends Self {
  /** By what the others know their window; the first of several. */
  key: string;
  /** Whose session it is, as they say; null where they do not. */
  userId: string | null;
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
   * Other windows of one's own are nobody else.
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
    const isRepeated = isTyping && Date.now() < this.#saidAt + REPEAT_MS;
    const key = this.topics.presenceKeyOn(this.topic);
    if (key === null || isRepeated) return;
    this.#saidAt = isTyping ? Date.now() : 0;
    await this.topics.send(this.topic, "typing", { key, is_typing: isTyping });
  }

  async *#follow(listener: Listener, self?: Self): AsyncGenerator<Person[], void> {
    const { topic } = listener;
    const typedAt = new Map<string, number>();
    let over: ReturnType<typeof setTimeout> | undefined;
    if (self) topic.track(listener, self);
    try {
      for await (const signal of listener) {
        if (signal.type === "broadcast") {
          const key = String(signal.payload["key"]);
          if (signal.payload["is_typing"] === true) typedAt.set(key, Date.now());
          else typedAt.delete(key);
          clearTimeout(over);
          over = setTimeout(() => listener.put({ type: "check" }), OVER_MS);
        }
        const windows = listener.isLive ? windowsOf(topic.present, typedAt) : [];
        const { userId } = this.topics;
        yield merged(
          windows.filter((each) => {
            return each.key !== topic.presenceKey && (userId === null || each.userId !== userId);
          }),
        );
      }
    } finally {
      clearTimeout(over);
    }
  }
}

/** Believe nothing of what windows say of themselves but its shape; forget who types in those that are gone. */
function windowsOf(tracked: Record<string, object[]>, typedAt: Map<string, number>): Person[] {
  for (const key of typedAt.keys()) if (!(key in tracked)) typedAt.delete(key);
  return Object.entries(tracked).map(([key, states]) => {
    const { role, name, user_id } = (states.at(-1) ?? {}) as Record<string, unknown>;
    return {
      key,
      role: role === "agent" ? "agent" : "customer",
      name: typeof name === "string" ? name : "",
      userId: typeof user_id === "string" ? user_id : null,
      isTyping: Date.now() < (typedAt.get(key) ?? 0) + OVER_MS,
    };
  });
}

/** Make one person of the windows of one user. */
function merged(windows: Person[]): Person[] {
  const people = new Map<string, Person>();
  for (const each of windows) {
    const of = each.userId ?? each.key;
    const known = people.get(of);
    if (!known) people.set(of, each);
    else people.set(of, { ...known, isTyping: known.isTyping || each.isTyping });
  }
  return [...people.values()];
}
