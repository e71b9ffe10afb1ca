/** Reading for a listener, beside it: no request holds up what the topic tells meanwhile. */
import { mayPass, type RomashkaError } from "./errors.js";
import type { Listener, Page } from "./listener.js";
import { backoffMs, inTime, pause } from "./pause.js";

/**
 * Reads a page at a time, and puts it among its listener's signals.
 *
 * Whoever gets a page calls `taken`: only then is the next one read, so a slow consumer is never flooded.
 * A resync may stand for a page that was put and not seen, so it calls for `restart`.
 */
export class Reader<Row> {
  #reading: AbortController | null = null;
  /** What was put, and is not taken yet. */
  #page: Page<Row> | null = null;
  /** Since that page was begun. */
  #isAsked = false;

  constructor(
    private readonly listener: Listener,
    private readonly read: (signal: AbortSignal) => PromiseLike<Page<Row>>,
  ) {}

  /** Read once more: there may be something new. */
  ask(): void {
    if (this.#reading) this.#isAsked = true;
    else this.#begin();
  }

  /** Read now, whatever is on its way: something may have been missed. */
  restart(): void {
    this.listener.isBehind = true;
    this.#begin();
  }

  /** Go on after a page, if there is more or was asked for. */
  taken(page: Page<Row>): void {
    if (page !== this.#page) return; // of before a restart
    this.#reading = null;
    if (page.isLast) this.listener.isBehind = false;
    if (this.#isAsked || !page.isLast) this.#begin();
  }

  /** Read no more. */
  close(): void {
    this.#reading?.abort();
  }

  #begin(): void {
    this.close();
    this.#page = null;
    this.#isAsked = false;
    this.#reading = new AbortController();
    void this.#run(this.#reading);
  }

  async #run({ signal }: AbortController): Promise<void> {
    for (let failures = 0; !signal.aborted && !this.listener.isClosed; failures += 1) {
      try {
        const page = await inTime((late) => this.read(late), { signal });
        if (signal.aborted) return;
        this.#page = page;
        return this.listener.put(page);
      } catch (error) {
        if (signal.aborted) return;
        if (!mayPass(error, failures)) return this.listener.refuse(error as RomashkaError);
        await pause(backoffMs(failures), signal);
      }
    }
  }
}
