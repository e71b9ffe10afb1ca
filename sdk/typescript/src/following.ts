/** A store that reads what it shows, and follows what changes of it: whatever fails meanwhile is here. */
import type { ConnectionState } from "./connection.js";
import { Effort } from "./effort.js";
import { Observed, type StoreState } from "./store.js";

/** Where changes are heard. */
export interface Source {
  readonly state: ConnectionState["state"];
  /** What stops it. */
  readonly error: Error | null;
  /** May something have been missed that is not read yet? */
  readonly isBehind: boolean;
  open(): void;
  close(): void;
  /** Listen anew, if it was refused. */
  retry(): void;
  /** What may have been missed was read. */
  caughtUp(): void;
}

/** What each such store says of itself. */
export interface Followed {
  readonly state: StoreState;
  /** What stops it; null while nothing does. */
  readonly error: Error | null;
}

/** Reads something; returns what takes it in. */
export type Read = (signal: AbortSignal) => Promise<() => void>;

export abstract class Following<T extends Followed> extends Observed<T> {
  protected abstract readonly source: Source;
  protected isLoaded = false;
  /** It was read since somebody looks. */
  #isFresh = false;
  /** There may be something new since what is being read was begun. */
  #isAsked = false;
  #isRefused = false;
  #failure: Error | null = null;
  readonly #reading = new Effort();
  #waiting: (() => void)[] = [];

  /** Read it anew, now. */
  retry(): void {
    this.source.retry();
    if (this.isWatched) this.#load();
  }

  /** Read it anew, and wait until that is done, or has failed: then it is tried again, as always. */
  refresh(): Promise<void> {
    this.source.retry();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#load();
    });
  }

  /** Forget all: somebody else is signed in. */
  forget(): void {
    this.isLoaded = this.#isRefused = false;
    this.#failure = null;
    this.#reading.giveUp();
    this.source.close();
    this.showState(); // first: that it has nothing is not what the database has
    this.clear();
    setTimeout(() => this.isWatched && this.begin());
  }

  onMissed(isInterrupted: boolean): void {
    if (isInterrupted) this.#load();
    else this.ask();
  }

  onState(): void {
    this.showState();
  }

  protected begin(): void {
    this.#isFresh = false;
    this.source.open();
    this.#load();
  }

  protected end(): void {
    this.source.close();
    this.#reading.giveUp();
    this.showState();
  }

  /** Read what it shows. */
  protected abstract read(signal: AbortSignal): Promise<() => void>;

  /** Have nothing. */
  protected abstract clear(): void;

  /** Read once more, after what is being read. */
  protected ask(): void {
    if (this.#reading.isUnderWay) this.#isAsked = true;
    else this.#load();
  }

  /** Read something besides, unless it is being read. */
  protected readMore(read: Read): void {
    if (!this.#reading.isUnderWay) this.#begin(read, false);
  }

  protected showState(): void {
    const error = this.#failure ?? (this.isLoaded ? this.source.error : null);
    this.show({ state: this.#state(), error } as Partial<T>);
  }

  #load(): void {
    this.#isAsked = false;
    this.#begin((signal) => this.read(signal), true);
    this.showState();
  }

  #begin(read: Read, isAll: boolean): void {
    this.#reading.begin(
      read,
      (takeIn) => {
        const wasRefused = this.#isRefused;
        this.#isRefused = false;
        this.#failure = null;
        takeIn();
        if (isAll) this.isLoaded = this.#isFresh = true;
        if (this.#isAsked) return this.#load();
        if (isAll) this.source.caughtUp();
        if (wasRefused) this.source.retry();
        this.#settle();
      },
      (error, isRefused) => {
        this.#failure = error;
        this.#isRefused = isRefused;
        this.#settle();
      },
    );
  }

  #settle(): void {
    this.showState();
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  #state(): StoreState {
    const { state, isBehind } = this.source;
    if (this.#isRefused) return "refused";
    if (!this.isLoaded) return "loading";
    if (state === "refused") return state;
    if (this.#failure || state === "offline") return "offline";
    return state === "connecting" || !this.#isFresh || isBehind ? "catching up" : "live";
  }
}
