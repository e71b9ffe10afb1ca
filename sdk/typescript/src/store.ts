/** What a screen reads: a value that is replaced when it changes, and who wants to know. */

/** Fits `useSyncExternalStore`, and whatever a framework has like it. */
export interface Store<T> {
  /** The present value; the same object until something of it changes. */
  getSnapshot(): T;
  /** Be told after each change; return what ends it. While nobody is told, nothing is kept up to date. */
  subscribe(onChange: () => void): () => void;
  /** Try now what failed, or was refused. */
  retry(): void;
}

/**
 * How far a store can be believed.
 *
 * `loading`: nothing was read yet; `error` says what stops it, and it is tried again. `catching up`: something may
 * have been missed, and is being read. `live`: each change is seen at once. `offline`: it is as it was, and changes
 * are not heard for now. `refused`: the project refuses; it is tried again after somebody signed in, each 30 s, and
 * by `retry`.
 */
export type StoreState = "loading" | "catching up" | "live" | "offline" | "refused";

/** A store whose owner sets what it shows; it works while somebody looks. */
export abstract class Observed<T extends object> implements Store<T> {
  /** What a server renders, and a page begins with that was rendered there. */
  readonly getServerSnapshot: () => T;
  #snapshot: T;
  readonly #watchers = new Set<() => void>();
  #ending: ReturnType<typeof setTimeout> | undefined;
  #isAtWork = false;

  protected constructor(initial: T) {
    this.#snapshot = initial;
    this.getServerSnapshot = () => initial;
  }

  readonly getSnapshot = (): T => this.#snapshot;

  readonly subscribe = (onChange: () => void): (() => void) => {
    const watcher = () => onChange(); // one function may be given twice
    this.#watchers.add(watcher);
    clearTimeout(this.#ending);
    if (!this.#isAtWork) {
      this.#isAtWork = true;
      this.begin();
    }
    return () => {
      if (!this.#watchers.delete(watcher) || this.isWatched) return;
      // Not at once: React's StrictMode, and a list that is sorted anew, come back in the same moment.
      this.#ending = setTimeout(() => {
        this.#isAtWork = false;
        this.end();
      });
    };
  };

  /** Does anybody look? */
  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Must it be kept? */
  get isNeeded(): boolean {
    return this.#isAtWork;
  }

  /** Show this from now on; nobody is told of what stays as it is. */
  protected show(changes: Partial<T>): void {
    const before = this.#snapshot as Record<string, unknown>;
    const isChanged = Object.entries(changes).some(([key, value]) => before[key] !== value);
    if (!isChanged) return;
    this.#snapshot = { ...this.#snapshot, ...changes };
    [...this.#watchers].forEach((tell) => tell());
  }

  abstract retry(): void;

  /** Somebody looks. */
  protected abstract begin(): void;

  /** Nobody looks any more. */
  protected abstract end(): void;
}
