/** What a topic tells those who listen to it, and the queue of one of them. */
import type { RomashkaError } from "./errors.js";
import type { Topic } from "./topic.js";

const MAX_UNREAD = 1000;

/** An event of a topic, as the database sent it. */
export interface Broadcast {
  type: "broadcast";
  event: string;
  payload: Record<string, unknown>;
}

/** Events may have been missed up to here: read the present state. */
export interface Resync {
  type: "resync";
}

/** Nothing seems to be missing; read the present state all the same. */
export interface Check {
  type: "check";
}

/** Who is here: what each tracks, by key. */
export interface PresenceState {
  type: "presence";
  tracked: Record<string, object[]>;
}

export type Signal = Broadcast | Resync | Check | PresenceState;

/** Is told when a subscription becomes live (true), and when it is interrupted (false). */
export type OnConnection = (isLive: boolean) => void;

/**
 * What one reader of a topic has not seen yet; iterate over it.
 *
 * A slow reader costs a bounded amount of memory: what it missed becomes one resync.
 */
export class Listener implements AsyncIterableIterator<Signal> {
  #unread: Signal[] = [];
  #wake = () => {};
  #refusal: RomashkaError | null = null;
  #isClosed = false;
  #wasLive = false;

  constructor(
    /** Where it comes from. */
    readonly topic: Topic,
    private readonly onConnection?: OnConnection,
  ) {}

  get isClosed(): boolean {
    return this.#isClosed;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Signal, undefined>> {
    for (;;) {
      if (this.#isClosed) return { done: true, value: undefined };
      const signal = this.#unread.shift();
      if (signal) return { done: false, value: signal };
      if (this.#refusal) throw this.#refusal;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Listen no more; who waits for the next signal is told that there is none. */
  async return(): Promise<IteratorResult<Signal, undefined>> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#wake();
      this.topic.remove(this);
    }
    return { done: true, value: undefined };
  }

  /** Add a signal. A resync stands for everything before it. */
  put(signal: Signal): void {
    const isResync = signal.type === "resync" || this.#unread.length >= MAX_UNREAD;
    if (isResync) this.#unread = [{ type: "resync" }];
    else this.#unread.push(signal);
    this.#wake();
  }

  /** Tell whoever asked when the subscription has become live or ceased to be. */
  tellConnection(isLive: boolean): void {
    if (isLive === this.#wasLive) return;
    this.#wasLive = isLive;
    this.onConnection?.(isLive);
  }

  /** Throw `error` from the iteration, once what came before it was read. */
  refuse(error: RomashkaError): void {
    this.#refusal = error;
    this.#wake();
  }
}
