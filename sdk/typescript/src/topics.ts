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
    const topic = this.get(name);
    const listener = new Listener((closed) => topic.remove(closed), onConnection);
    topic.add(listener);
    return listener;
  }

  /** Return the topic `name`, to say something there. It is kept while somebody listens to it. */
  get(name: string): Topic {
    const known = this.#topics.get(name);
    if (known) return known;
    const topic = new Topic(this.realtime, name, () => this.#topics.delete(name));
    this.#topics.set(name, topic);
    return topic;
  }

  /** Leave all topics. */
  async close(): Promise<void> {
    await Promise.all([...this.#topics.values()].map((topic) => topic.end()));
  }
}
