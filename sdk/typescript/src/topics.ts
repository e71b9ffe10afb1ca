/**
 * The private broadcast topics of one client: each is joined once, however many listen to it.
 *
 * Clients of ours around one Supabase client share its topics: that has one channel of a name.
 */
import type { SupabaseClient } from "@supabase/supabase-js";

import { Listener, type OnConnection } from "./listener.js";
import type { Session } from "./session.js";
import { checkStorable } from "./storable.js";
import { Topic } from "./topic.js";

const SHARED = new WeakMap<SupabaseClient["realtime"], Map<string, Topic>>();

/** `client.topics`: what the rest is made of. */
export class Topics {
  readonly #topics: Map<string, Topic>;
  readonly #listeners = new Set<Listener>();

  constructor(
    private readonly realtime: SupabaseClient["realtime"],
    private readonly session: Session,
  ) {
    this.#topics = SHARED.get(realtime) ?? new Map<string, Topic>();
    SHARED.set(realtime, this.#topics);
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
    const listener = new Listener(topic, onConnection, () => this.#listeners.delete(listener));
    this.#listeners.add(listener);
    topic.add(listener);
    return listener;
  }

  /** Say something on the topic `name`; it is lost unless somebody here listens to it. */
  async send(name: string, event: string, payload: object): Promise<void> {
    checkStorable(payload);
    await this.#topics.get(name)?.send(event, payload);
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
