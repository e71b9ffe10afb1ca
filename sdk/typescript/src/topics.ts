/** The private broadcast topics of one client: each is joined once, however many listen to it. */
import type { SupabaseClient } from "@supabase/supabase-js";

import { Listener, type OnConnection } from "./listener.js";
import type { Session } from "./session.js";
import { Topic } from "./topic.js";

/** `client.topics`: what the rest is made of. */
export class Topics {
  readonly #topics = new Map<string, Topic>();

  constructor(
    private readonly realtime: SupabaseClient["realtime"],
    private readonly session: Session,
  ) {}

  /**
   * Listen to the private topic `name`; the first signal is a resync.
   *
   * @example
   * ```ts
   * for await (const signal of client.topics.listen("inbox")) console.log(signal);
   * ```
   */
  listen(name: string, onConnection?: OnConnection): Listener {
    let topic = this.#topics.get(name);
    // Somebody else may have signed in since.
    if (!topic || topic.isRefused) topic = this.#begin(name);
    const listener = new Listener(topic, onConnection);
    topic.add(listener);
    return listener;
  }

  /** Say something on the topic `name`; it is lost unless somebody here listens to it. */
  async send(name: string, event: string, payload: object): Promise<void> {
    await this.#topics.get(name)?.send(event, payload);
  }

  /** Leave all topics. */
  async close(): Promise<void> {
    await Promise.all([...this.#topics.values()].map((topic) => topic.end()));
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
