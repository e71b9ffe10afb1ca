/** One reading after the other: what was read earlier never takes the place of what was read later. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Return what reads in its turn; who asks before that has begun shares it. */
  shared(read: () => Promise<void>): () => Promise<void> {
    let next: Promise<void> | null = null;
    return () => {
      if (next) return next;
      next = this.settled.then(() => {
        next = null;
        return read();
      });
      this.#last = next;
      return next;
    };
  }

  /** What was asked for so far is read, or has failed. */
  get settled(): Promise<unknown> {
    return this.#last.catch(() => {});
  }
}
