/**
 * The private broadcast topics of one client: each is joined once, however many listen to it.
 *
 * Clients of ours around one Supabase client share its topics: that has one channel of a name.
 */
import type { RealtimeClient } from "@supabase/realtime-js";

import { type Broadcast, Listener, type OnConnection, type Owner } from "./listener.js";
import type { ServerClock } from "./serverClock.js";
import type { Session } from "./session.js";
import { checkStorable } from "./storable.js";
import { Topic } from "./topic.js";

const SHARED = new WeakMap<RealtimeClient, Map<string, Topic>>();

/** `client.topics`: what the rest is made of. */
export class Topics {
  readonly #topics: Map<string, Topic>;
  readonly #listeners = new Set<Listener>();
  readonly #owner: Owner;
  #tell = () => {};

  constructor(
    private readonly realtime: RealtimeClient,
    private readonly session: Session,
    clock?: ServerClock,
  ) {
    this.#topics = SHARED.get(realtime) ?? new Map<string, Topic>();
    SHARED.set(realtime, this.#topics);
    this.#owner = {
      onBroadcast: (signal) => clock?.note(timeOf(signal)),
      onChange: () => this.#tell(),
      onEnd: (listener) => (this.#listeners.delete(listener), this.#tell()),
    };
  }

  /**
   * Who listens, by this client.
   *
   * @internal
   */
  get listeners(): ReadonlySet<Listener> {
    return this.#listeners;
  }

  /**
   * Hear of each change of a listener: it is live, behind, refused, or no longer.
   *
   * @internal
   */
  watch(onChange: () => void): void {
    this.#tell = onChange;
  }

  /**
   * Listen to the private topic `name`; the first signal is a resync.
   *
   * @example
   * ```ts
   * for await (const signal of client.topics.listen("inbox")) console.log(signal);
   * ```
   */
  listen(name: string, onConnection?: OnConnection): Listener {
    checkStorable(name);
    let topic = this.#topics.get(name);
    // Somebody else may have signed in since.
    if (!topic || topic.isRefused) topic = this.#begin(name);
    const listener = new Listener(topic, onConnection, this.#owner);
    this.#listeners.add(listener);
    topic.add(listener);
    this.#tell();
    return listener;
  }

  /** Say something on the topic `name`; it is lost unless somebody here listens to it. */
  async send(name: string, event: string, payload: object): Promise<void> {
    checkStorable(payload);
    await this.#topics.get(name)?.send(event, payload);
  }

  /**
   * By what the others know this client on the topic; null while nobody here listens to it.
   *
   * @internal
   */
  presenceKeyOn(name: string): string | null {
    return this.#topics.get(name)?.presenceKey ?? null;
  }

  /**
   * Is the topic joined, or being joined?
   *
   * @internal
   */
  isHeld(name: string): boolean {
    return this.#topics.get(name)?.isRefused === false;
  }

  /**
   * Whose session it is.
   *
   * @internal
   */
  get userId(): string | null {
    return this.session.userId;
  }

  /** Try now to get what is not live. */
  retry(): void {
    this.#topics.forEach((topic) => topic.retry());
  }

  /** Listen to nothing more, and leave the topics that nobody else listens to. */
  async close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.return()));
    const topics = [...this.#topics.values()];
    await Promise.all(topics.filter((topic) => !topic.isHeard).map((topic) => topic.end()));
  }

  #begin(name: string): Topic {
    const topic = new Topic(this.realtime, this.session, name, (ended) => this.#forget(ended));
    this.#topics.set(name, topic);
    return topic;
  }

  #forget(ended: Topic): void {
    if (this.#topics.get(ended.name) === ended) this.#topics.delete(ended.name);
  }
}

/** When what an event tells of was written, where the database says so. */
function timeOf({ event, payload }: Broadcast): unknown {
  const { message, conversation } = payload as Record<string, Record<string, unknown> | undefined>;
  if (event === "message.created") return message?.["created_at"];
  return event === "conversation.changed" ? conversation?.["updated_at"] : undefined;
}
