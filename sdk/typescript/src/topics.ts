/** The private broadcast topics of one client: each is joined once, however many listen to it. */
import type { SupabaseClient } from "@supabase/supabase-js";

import { Listener, type OnConnection } from "./listener.js";
import { Topic } from "./topic.js";

/** `client.topics`: what the rest is made of. */
export class Topics {
  readonly #topics = new Map<string, Topic>();

  constructor(private readonly realtime: SupabaseClient["realtime"]) {}

  /**
   * Listen to the private topic `name`; the first signal is a resync.
   *
   * @example
   * ```ts
   * for await (const signal of client.topics.listen("inbox")) console.log(signal);
   * ```
   */
  listen(name: string, onConnection?: OnConnection): Listener {
    const topic = this.#topics.get(name) ?? this.#begin(name);
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
    const topic = new Topic(this.realtime, name, (ended) => {
      if (this.#topics.get(name) === ended) this.#topics.delete(name);
    });
    this.#topics.set(name, topic);
    return topic;
  }
}
