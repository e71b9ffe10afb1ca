/** The server's clock, as its events tell it: whoever is told of a commit knows that it is later by now. */

export class ServerClock {
  /** What to add to the time since this page began: that clock is never put back, nor forward. */
  #offset: number | null = null;

  /** An event of this time has arrived just now. */
  note(time: unknown): void {
    const offset = (typeof time === "string" ? Date.parse(time) : NaN) - performance.now();
    // The latest hint is the one that took least time to get here, or came after a sleep.
    if (Number.isFinite(offset)) this.#offset = Math.max(this.#offset ?? -Infinity, offset);
  }

  /** In milliseconds since 1970; by the device's clock, before anything was heard. */
  now(): number {
    return this.#offset === null ? Date.now() : performance.now() + this.#offset;
  }
}
