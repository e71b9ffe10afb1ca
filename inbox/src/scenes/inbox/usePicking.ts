/** Which rows are picked, to do something with all of them. */
import type { ConversationRow } from "romashka";
import { useCallback, useMemo, useRef, useState } from "react";

export interface Picking {
  picked: ReadonlyMap<string, ConversationRow>;
  /** Pick a row, or drop it; with `isRange`, all from the one that was picked last. */
  toggle: (id: string, isRange?: boolean) => void;
  clear: () => void;
}

/** Return what is picked; each row as it is now, as long as the list has it. */
export function usePicking(rows: readonly ConversationRow[]): Picking {
  const [chosen, setChosen] = useState<ReadonlyMap<string, ConversationRow>>(new Map());
  const lastId = useRef<string | null>(null);
  const latest = useRef(rows);
  latest.current = rows;
  const toggle = useCallback((id: string, isRange = false) => {
    const at = latest.current.findIndex((row) => row.id === id);
    const from = isRange ? latest.current.findIndex((row) => row.id === lastId.current) : -1;
    lastId.current = id;
    setChosen((before) => {
      const next = new Map(before);
      if (from >= 0 && at >= 0) {
        const range = latest.current.slice(Math.min(from, at), Math.max(from, at) + 1);
        range.forEach((row) => next.set(row.id, row));
      } else if (!next.delete(id) && at >= 0) next.set(id, latest.current[at]!);
      return next;
    });
  }, []);
  const clear = useCallback(() => setChosen(new Map()), []);
  const picked = useMemo(() => {
    if (chosen.size === 0) return chosen;
    const now = new Map(chosen);
    for (const row of rows) if (now.has(row.id)) now.set(row.id, row);
    return now;
  }, [chosen, rows]);
  return { picked, toggle, clear };
}
