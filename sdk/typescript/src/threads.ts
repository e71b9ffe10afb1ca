/** The messages of conversations, as screens show them: a store for each. */
import type { Core } from "./core.js";
import { Recent } from "./recent.js";
import { checkStorable } from "./storable.js";
import { Thread } from "./thread.js";

/** So many threads that nobody looks at are kept: who comes back sees them at once. */
const MAX_THREADS = 20;

export class Threads {
  readonly #threads = new Recent<Thread>(MAX_THREADS);

  constructor(protected readonly core: Core) {
    core.onAgain((isOther) => {
      this.#threads.forEach((thread) => (isOther ? thread.forget() : thread.retry()));
    });
  }

  /**
   * Return the messages of a conversation as a screen shows them; the same store for the same conversation.
   *
   * It stays up to date while somebody is subscribed to it, and is kept for a while after that.
   *
   * @example
   * ```ts
   * const thread = client.conversations.thread(id);
   * const leave = thread.subscribe(() => render(thread.getSnapshot().messages));
   * ```
   */
  thread(id: string): Thread {
    return this.#threads.get(id, () => {
      checkStorable(id);
      return new Thread(this.core, id);
    });
  }
}
