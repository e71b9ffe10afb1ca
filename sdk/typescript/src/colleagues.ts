/**
 * Which of the team are here, where they look, and what they type: `client.inbox.colleagues`.
 *
 * Staff write to this topic themselves, and nobody else hears it. Nothing on it is proved, and nothing but a display
 * depends on it.
 */
import type { Core } from "./core.js";
import { onFrame } from "./frames.js";
import type { Broadcast, Listener } from "./listener.js";
import { checkStorable } from "./storable.js";
import { Observed } from "./store.js";

const TOPIC = "inbox:presence";
const REPEAT_MS = 3_000;
const OVER_MS = 6_000;
/** Realtime closes a channel whose presence changes more than five times in half a minute. */
const CHANGES = 4;
const CHANGES_MS = 30_000;

/** What somebody writes: the customer never hears of it. */
export type Writing = "reply" | "note";

/** Somebody else of the team, in however many windows. */
export interface Colleague {
  /** Whose session it is, as they say; null where they do not. */
  userId: string | null;
  name: string;
  /** The conversations that they look at. */
  looksAt: readonly string[];
  /** What they write, by conversation. */
  writes: Readonly<Record<string, Writing>>;
}

export interface ColleaguesState {
  /** Those who are here, but for oneself. */
  readonly people: readonly Colleague[];
  /** What stops it; null while nothing does. */
  readonly error: Error | null;
}

interface Typed {
  conversationId: string;
  writing: Writing;
  at: number;
}

/** A store: who is subscribed sees the others, and is seen, if they have said their name. */
export class Colleagues extends Observed<ColleaguesState> {
  #listener: Listener | null = null;
  #self: { name: string; looking_at: string | null } | null = null;
  #changes: number[] = [];
  #saidAt = 0;
  #late: ReturnType<typeof setTimeout> | undefined;
  #over: ReturnType<typeof setTimeout> | undefined;
  /** What each window types, by its key. */
  readonly #typed = new Map<string, Typed>();

  constructor(private readonly core: Core) {
    super({ people: [], error: null });
  }

  /**
   * Say one's name, and where one looks: at a conversation, or at none.
   *
   * Who goes through a list quickly is seen where they stay: a topic takes few such changes.
   *
   * @example
   * ```ts
   * const leave = client.inbox.colleagues.subscribe(() => render(client.inbox.colleagues.getSnapshot().people));
   * client.inbox.colleagues.look("Ada", conversation.id);
   * ```
   */
  look(name: string, conversationId: string | null = null): void {
    checkStorable([name, conversationId]);
    const isSame = this.#self?.name === name && this.#self.looking_at === conversationId;
    this.#self = { name, looking_at: conversationId };
    if (!isSame) this.#track();
  }

  /** Say that one types a reply or a note, at each key; it is passed on each 3 s. Or, with null, no more. */
  async typing(conversationId: string, writing: Writing | null): Promise<void> {
    const isRepeated = writing !== null && Date.now() < this.#saidAt + REPEAT_MS;
    const key = this.core.topics.presenceKeyOn(TOPIC);
    if (key === null || isRepeated) return;
    this.#saidAt = writing ? Date.now() : 0;
    const said = { key, conversation_id: conversationId, writing };
    await this.core.topics.send(TOPIC, "typing", said);
  }

  retry(): void {
    if (this.#listener?.refusal) this.#beginAnew();
  }

  /** Forget who was here, and what one said: somebody else is signed in. */
  forget(): void {
    this.#self = null;
    if (this.#listener) this.#beginAnew();
  }

  protected begin(): void {
    const listener = this.core.topics.listen(TOPIC, this.#show);
    this.#listener = listener;
    this.#changes = []; // of another channel
    this.#track();
    this.#read(listener).catch((error: Error) => this.show({ people: [], error }));
  }

  protected end(): void {
    clearTimeout(this.#late);
    clearTimeout(this.#over);
    void this.#listener?.return();
    this.#listener = null;
    this.#typed.clear();
    this.show({ people: [], error: null });
  }

  #beginAnew(): void {
    this.end();
    if (this.isWatched) this.begin();
  }

  async #read(listener: Listener): Promise<void> {
    for await (const signal of listener) {
      if (signal.type === "broadcast" && signal.event === "typing") this.#note(signal);
      onFrame(this.#show);
    }
  }

  /** Let the others see where one looks; later, if that has changed too often. */
  #track(): void {
    clearTimeout(this.#late);
    if (!this.#listener || !this.#self) return;
    const now = Date.now();
    this.#changes = this.#changes.filter((at) => at > now - CHANGES_MS);
    const [oldest] = this.#changes;
    if (this.#changes.length >= CHANGES) {
      this.#late = setTimeout(() => this.#track(), oldest! + CHANGES_MS - now);
      return;
    }
    this.#changes.push(now);
    this.#listener.topic.track(this.#listener, this.#self);
  }

  #note({ payload }: Broadcast): void {
    const { key, conversation_id: conversationId, writing } = payload;
    if (writing === "reply" || writing === "note")
      this.#typed.set(String(key), {
        conversationId: String(conversationId),
        writing,
        at: Date.now(),
      });
    else this.#typed.delete(String(key));
    clearTimeout(this.#over);
    this.#over = setTimeout(this.#show, OVER_MS);
  }

  readonly #show = (): void => {
    const listener = this.#listener;
    if (!listener) return;
    const { present, presenceKey } = listener.topic;
    const people = new Map<string, Colleague>();
    for (const [key, states] of listener.isLive ? Object.entries(present) : []) {
      const said = (states.at(-1) ?? {}) as Record<string, unknown>;
      const userId = typeof said["user_id"] === "string" ? said["user_id"] : null;
      const isOneself = key === presenceKey || (userId !== null && userId === this.#userId);
      if (!isOneself) people.set(userId ?? key, this.#with(people.get(userId ?? key), key, said));
    }
    const before = this.getSnapshot().people;
    const after = [...people.values()];
    const isSame = JSON.stringify(before) === JSON.stringify(after);
    this.show({ people: isSame ? before : after, error: listener.refusal });
  };

  get #userId(): string | null {
    return this.core.topics.userId;
  }

  /** Add a window to whose it is; believe nothing of what it says but its shape. */
  #with(known: Colleague | undefined, key: string, said: Record<string, unknown>): Colleague {
    const { name, user_id: userId, looking_at: lookingAt } = said;
    const typed = this.#typed.get(key);
    const isTyping = typed && Date.now() < typed.at + OVER_MS;
    return {
      userId: typeof userId === "string" ? userId : null,
      name: known?.name || (typeof name === "string" ? name : ""),
      looksAt: [...(known?.looksAt ?? []), ...(typeof lookingAt === "string" ? [lookingAt] : [])],
      writes: { ...known?.writes, ...(isTyping && { [typed.conversationId]: typed.writing }) },
    };
  }
}
