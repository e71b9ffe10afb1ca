/** Waking the one loop that waits for something. */
export class Bell {
  #isRung = false;
  #wake = () => {};

  /** Wake the loop that waits, or the next one that does. */
  ring(): void {
    this.#isRung = true;
    this.#wake();
  }

  /** Wait until it is rung, but no longer than that; was it, since the last time? */
  async wait(milliseconds: number): Promise<boolean> {
    if (!this.#isRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => (clearTimeout(timer), resolve());
      });
    }
    const isRung = this.#isRung;
    this.#isRung = false;
    return isRung;
  }
}
