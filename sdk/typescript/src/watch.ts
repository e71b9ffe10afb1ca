/** A topic as a store follows it: what it tells, when something may have been missed, and how far it can be believed. */
import { errorOf, stateOf } from "./connection.js";
import type { Core } from "./core.js";
import type { Broadcast, Listener } from "./listener.js";

/** A topic that became live says soon that it streams; then what was missed is read, and not twice. */
const STREAMS_WITHIN_MS = 200;
/** Who leaves sooner only passes by, and joins nothing: a server takes its time for each join. */
const PASSING_MS = 50;

export interface Watcher {
  onBroadcast(signal: Broadcast): void;
  /**
   * Something may have been missed: read anew; then call `caughtUp`. After an interruption, what is being read is
   * of before it.
   */
  onMissed(isInterrupted: boolean): void;
  /** Nothing was interrupted; but an event can get lost. */
  onCheck(): void;
  /** The state is another, or what stops it. */
  onState(): void;
}

export class Watch {
  #listener: Listener | null = null;
  #opening: ReturnType<typeof setTimeout> | undefined;
  #missed: ReturnType<typeof setTimeout> | undefined;
  #isBehind = false;
  #isInterrupted = false;

  constructor(
    private readonly core: Core,
    private readonly topic: string,
    private readonly watcher: Watcher,
  ) {}

  get isOpen(): boolean {
    return this.#listener !== null;
  }

  /** How far what is known can be believed. */
  get state() {
    return this.#listener ? stateOf(this.#listener) : "connecting";
  }

  /** What stops it. */
  get error(): Error | null {
    return errorOf(this.#listener ?? undefined);
  }

  /** May something have been missed that is not read yet? */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  open(): void {
    if (this.#listener || this.#opening !== undefined) return;
    this.core.session.listen();
    if (this.core.topics.isHeld(this.topic)) this.#listen(true);
    else this.#opening = setTimeout(() => this.#listen(false), PASSING_MS);
  }

  close(): void {
    clearTimeout(this.#opening);
    this.#opening = undefined;
    this.#setBehind(false);
    void this.#listener?.return();
    this.#listener = null;
  }

  /** Listen anew, if it was refused. */
  retry(): void {
    if (!this.#listener?.refusal) return;
    this.close();
    this.open();
  }

  /** Have the watcher read anew, after so long at most. */
  miss(milliseconds: number): void {
    if (this.#missed !== undefined && milliseconds > 0) return;
    this.#setBehind(true);
    this.#missed = setTimeout(() => {
      this.#missed = undefined;
      const isInterrupted = this.#isInterrupted;
      this.#isInterrupted = false;
      this.watcher.onMissed(isInterrupted);
    }, milliseconds);
    this.watcher.onState();
  }

  /** What may have been missed was read. */
  caughtUp(): void {
    if (this.#missed === undefined) this.#setBehind(false);
  }

  #setBehind(isBehind: boolean): void {
    clearTimeout(this.#missed);
    this.#missed = undefined;
    this.#isBehind = isBehind;
    if (this.#listener) this.#listener.isBehind = isBehind;
  }

  /** @param isAtOnce it was opened just now: what the watcher reads is of after that */
  #listen(isAtOnce: boolean): void {
    this.#opening = undefined;
    const listener = this.core.topics.listen(this.topic, (isLive) => {
      if (!isLive) this.#isInterrupted = true;
      else if (this.#listener) this.miss(STREAMS_WITHIN_MS);
      this.watcher.onState();
    });
    this.#listener = listener;
    const isJoined = isAtOnce && listener.topic.isStreaming;
    void this.#read(listener, isJoined).catch(() => this.watcher.onState()); // `error` says why
  }

  /** @param isJoined the first resync says nothing: who joins what streams already reads after that */
  async #read(listener: Listener, isJoined: boolean): Promise<void> {
    for await (const signal of listener) {
      if (signal.type === "broadcast") this.watcher.onBroadcast(signal);
      else if (signal.type === "resync") {
        if (!isJoined) this.miss(STREAMS_WITHIN_MS);
        isJoined = false;
      } else if (this.#missed !== undefined) this.miss(0);
      else this.watcher.onCheck();
    }
  }
}
