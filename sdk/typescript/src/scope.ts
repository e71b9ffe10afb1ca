/** Endless iterations that callbacks read, and that end together. */

/** As long as it is not over, what it reads is passed on. */
export class Scope {
  #isOver = false;
  readonly #leave = new Set<() => void>();
  #hurry = () => {};

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Give each event to `onEvent`, one after the other, until the scope is over. */
  async read<Event>(
    events: AsyncIterableIterator<Event>,
    onEvent: (event: Event) => unknown,
  ): Promise<void> {
    if (this.#isOver) return;
    this.#leave.add(() => void events.return?.());
    for await (const event of events) {
      if (this.#isOver) return;
      await onEvent(event);
    }
  }

  /** Wait; no longer than the scope lasts. */
  async pause(milliseconds: number): Promise<void> {
    if (this.#isOver) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#hurry = () => (clearTimeout(timer), resolve());
      this.#leave.add(this.#hurry);
    });
  }

  /** Wait no longer. */
  hurry(): void {
    this.#hurry();
  }

  /** Leave what is read, at once. */
  end(): void {
    this.#isOver = true;
    this.#leave.forEach((leave) => leave());
  }
}
