/** Stores by what they show: those that somebody looks at, and of the others the most recent. */

interface Kept {
  /** Does anybody look, or is there something in it that would be lost? */
  readonly isNeeded: boolean;
}

export class Recent<Each extends Kept> {
  readonly #kept = new Map<string, Each>();

  constructor(private readonly most: number) {}

  /** Return the one of this key, or make it. */
  get(key: string, make: () => Each): Each {
    const store = this.#kept.get(key) ?? make();
    this.#kept.delete(key); // the map keeps the order in which they were asked for
    this.#kept.set(key, store);
    this.#cut();
    return store;
  }

  forEach(work: (each: Each) => void): void {
    this.#kept.forEach(work);
  }

  /** Let go of all. */
  clear(): void {
    this.#kept.clear();
  }

  #cut(): void {
    let idle = [...this.#kept.values()].filter((each) => !each.isNeeded).length;
    for (const [key, each] of this.#kept) {
      if (idle <= this.most) return;
      if (each.isNeeded) continue;
      this.#kept.delete(key);
      idle -= 1;
    }
  }
}
