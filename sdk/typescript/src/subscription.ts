/** An endless iteration that ends when its consumer leaves it: by `break`, or by `return()`. */
import type { Listener } from "./listener.js";

/**
 * Let a listener and the generator that reads it be ended together.
 *
 * A generator that waits cannot be ended from outside: `return()` would wait with it. So the listener is
 * ended first, and the generator sees its end. Nothing is subscribed before the first `next()`.
 */
export function subscription<Event>(
  listen: () => Listener,
  read: (listener: Listener) => AsyncGenerator<Event, void>,
): AsyncIterableIterator<Event> {
  let listener: Listener | null = null;
  async function* run(): AsyncGenerator<Event, void> {
    listener = listen();
    try {
      yield* read(listener);
    } finally {
      await listener.return();
    }
  }
  const events = run();
  return {
    next: () => events.next(),
    return: async () => {
      await listener?.return();
      return events.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
