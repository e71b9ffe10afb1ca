/** A value that screens follow. */
import { useLayoutEffect, useState } from "preact/hooks";

export interface Followed<T> {
  getSnapshot(): T;
  subscribe(onChange: () => void): () => void;
}

export class Value<T extends object> implements Followed<T> {
  #value: T;
  readonly #watchers = new Set<() => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  readonly getSnapshot = (): T => this.#value;

  readonly subscribe = (onChange: () => void): (() => void) => {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  };

  protected show(changes: Partial<T>): void {
    this.#value = { ...this.#value, ...changes };
    [...this.#watchers].forEach((tell) => tell());
  }
}

/** Render again whenever it changes. */
export function useFollowed<T>(store: Followed<T>): T {
  const [, again] = useState({});
  useLayoutEffect(() => {
    again({}); // it may have changed between
    return store.subscribe(() => again({}));
  }, [store]);
  return store.getSnapshot();
}
