/** Which rows are picked, to do something with all of them. */
import type { ConversationRow } from "romashka";
import { useCallback, useMemo, useRef, useState } from "react";

type Rows = readonly ConversationRow[];

export interface Picking {
  picked: ReadonlyMap<string, ConversationRow>;
  /** Pick a row, or drop it; with `isRange`, all from the one that was picked last. */
  toggle: (id: string, isRange?: boolean) => void;
  clear: () => void;
}

/** Return what is picked of what is shown; each row as it was then. */
export function usePicking(shown: { readonly current: { rows: Rows } }): Picking {
  const [picked, setPicked] = useState<ReadonlyMap<string, ConversationRow>>(new Map());
  const lastId = useRef<string | null>(null);
  const toggle = useCallback(
    (id: string, isRange = false) => {
      const { rows } = shown.current;
      const at = rows.findIndex((row) => row.id === id);
      const from = isRange ? rows.findIndex((row) => row.id === lastId.current) : -1;
      lastId.current = id;
      setPicked((before) => {
        const next = new Map(before);
        if (from >= 0 && at >= 0) {
          const range = rows.slice(Math.min(from, at), Math.max(from, at) + 1);
          range.forEach((row) => next.set(row.id, row));
        } else if (!next.delete(id) && at >= 0) next.set(id, rows[at]!);
        return next;
      });
    },
    [shown],
  );
  const clear = useCallback(() => setPicked(new Map()), []);
  return useMemo(() => ({ picked, toggle, clear }), [picked, toggle, clear]);
}
