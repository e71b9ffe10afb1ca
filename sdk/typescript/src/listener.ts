/** What a topic tells those who listen to it, and the queue of one of them. */
import type { RomashkaError } from "./errors.js";

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

/**
 * Nothing was interrupted, or who is present changed; look at the present state all the same.
 *
 * Comes from time to time, as a broadcast can get lost.
 */
export interface Check {
  type: "check";
}

/** What was read for the listener, beside it; only who asked for it gets it. */
export interface Page<Row = unknown> {
  type: "page";
  rows: Row[];
  isLast: boolean;
}

export type Signal = Broadcast | Resync | Check | Page;

/** Is told when a subscription becomes live (true), and when it is interrupted (false). */
export type OnConnection = (isLive: boolean) => void;

/** What a listener needs of its topic. */
export interface Heard {
  readonly isLive: boolean;
  /** Is each event heard, from now on? */
  readonly isStreaming: boolean;
  readonly trouble: string | null;
  readonly presenceKey: string;
  readonly present: Record<string, object[]>;
  track(listener: Listener, payload: object): void;
  remove(listener: Listener): void;
}

/** Whoever gives listeners out. */
export interface Owner {
  onBroadcast(signal: Broadcast): void;
  /** It is live, behind, refused, or no longer. */
  onChange(): void;
  onEnd(listener: Listener): void;
}

/**
 * What one reader of a topic has not seen yet; iterate over it.
 *
 * A slow reader costs a bounded amount of memory: what it missed becomes one resync.
 */
export class Listener implements AsyncIterableIterator<Signal> {
  #unread: Signal[] = [];
  /** Several may wait at once. */
  #waiting: (() => void)[] = [];
  #refusal: RomashkaError | null = null;
  #isClosed = false;
  #isBehind = false;
  #wasLive: boolean | null = null;

  constructor(
    /** Where it comes from. */
    readonly topic: Heard,
    private readonly onConnection?: OnConnection,
    private readonly owner?: Owner,
  ) {}

  /** Why the topic, or reading what it is about, is refused; null if it is not. */
  get refusal(): RomashkaError | null {
    return this.#refusal;
  }

  /** Was it live, or did a try to become so fail? */
  get isInterrupted(): boolean {
    return this.#wasLive === false;
  }

  /** Is something being read that may have been missed? */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  set isBehind(isNow: boolean) {
    if (isNow === this.#isBehind) return;
    this.#isBehind = isNow;
    this.owner?.onChange();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Is the topic subscribed at the moment? */
  get isLive(): boolean {
    return this.topic.isLive;
  }

  /** Why the topic is not subscribed, where that is known; it is tried again. */
  get trouble(): string | null {
    return this.topic.trouble;
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
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Listen no more; who waits for the next signal is told that there is none. */
  async return(): Promise<IteratorResult<Signal, undefined>> {
    if (!this.#isClosed) {
      this.end();
      this.topic.remove(this);
    }
    return { done: true, value: undefined };
  }

  /** The topic is left, whoever listens. */
  end(): void {
    this.#isClosed = true;
    this.owner?.onEnd(this);
    this.#wake();
  }

  /** Add a signal. A resync stands for everything before it. */
  put(signal: Signal): void {
    if (signal.type === "broadcast") this.owner?.onBroadcast(signal);
    const isResync = signal.type === "resync" || this.#unread.length >= MAX_UNREAD;
    if (isResync) this.#unread = [{ type: "resync" }];
    else this.#unread.push(signal);
    this.#wake();
  }

  /** Tell whoever asked that the subscription has become live, or is not. */
  tellConnection(): void {
    const { isLive } = this.topic;
    if (isLive === this.#wasLive) return;
    this.#wasLive = isLive;
    this.onConnection?.(isLive);
    this.owner?.onChange();
  }

  /** Throw `error` from the iteration, once what came before it was read. */
  refuse(error: RomashkaError): void {
    this.#refusal = error;
    this.#wake();
    this.owner?.onChange();
  }

  #wake(): void {
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }
}
