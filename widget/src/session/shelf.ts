/** Where the session is kept: with the page's origin if it may be, else as long as the page is there. */

export interface Shelf {
  get(): string | null;
  /** Null takes it away. */
  set(value: string | null): void;
  /** Hear that another tab changed it; return what ends it. */
  watch(onChange: () => void): () => void;
}

const nameOf = (project: string, what: string): string =>
  `romashka:${new URL(project).host}:${what}`;

/** Is somebody here who has written before, or whom the page had named? */
export const hasSession = (project: string): boolean =>
  ["session", "signed"].some((what) => openShelf(project, what, "localStorage").get() !== null);

/** Open one; what the browser does not keep, because it must not or cannot, is kept in memory. */
export function openShelf(
  project: string,
  what: string,
  where: "localStorage" | "sessionStorage",
): Shelf {
  const name = nameOf(project, what);
  let here: string | null = null;
  let isKept = true;
  return {
    get: () => {
      if (!isKept) return here;
      try {
        return globalThis[where].getItem(name);
      } catch {
        return here;
      }
    },
    set: (value) => {
      here = value;
      try {
        if (value === null) globalThis[where].removeItem(name);
        else globalThis[where].setItem(name, value);
        isKept = true;
      } catch {
        isKept = false;
      }
    },
    watch: (onChange) => {
      const hear = ({ key }: StorageEvent) => {
        if (key === name || key === null) onChange();
      };
      addEventListener("storage", hear);
      return () => removeEventListener("storage", hear);
    },
  };
}
