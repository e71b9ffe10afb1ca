/** Rows that stay where they are while somebody points at them: what is new waits. */
import type { ConversationRow } from "romashka";
import { useRef, useState } from "react";

interface Held {
  readonly ids: string[];
  /** When each was last written to, as the order was held. */
  readonly at: Map<string, string | null>;
  /** As they are now, or were when they left the list. */
  readonly rows: Map<string, ConversationRow>;
}

export interface Steady {
  rows: readonly ConversationRow[];
  /** So many are not where they belong. */
  news: number;
  /** Put them there. */
  release: () => void;
}

/** Return the rows in the order that was there when `isHeld` began; what is further down is appended. */
export function useSteadyRows(live: readonly ConversationRow[], isHeld: boolean): Steady {
  const held = useRef<Held | null>(null);
  const [, render] = useState(0);
  if (!isHeld || live.length === 0) held.current = null;
  else held.current ??= hold(live);
  const release = () => {
    held.current = null;
    render((count) => count + 1);
  };
  // The same rows stay the same: a list that is new each time would be told each time, and rendered again.
  const kept = useRef<{ live: unknown; of: Held | null; shown: Arranged } | null>(null);
  if (kept.current?.live !== live || kept.current.of !== held.current) {
    const shown = held.current ? arranged(live, held.current) : { rows: live, news: 0 };
    kept.current = { live, of: held.current, shown };
  }
  return { ...kept.current.shown, release };
}

function hold(live: readonly ConversationRow[]): Held {
  const held: Held = { ids: [], at: new Map(), rows: new Map() };
  live.forEach((row) => append(held, row));
  return held;
}

function append({ ids, at, rows }: Held, row: ConversationRow): void {
  ids.push(row.id);
  at.set(row.id, row.last_message_at);
  rows.set(row.id, row);
}

type Arranged = Pick<Steady, "rows" | "news">;

/** One pass over thousands of rows, as it is done for each of their changes. */
function arranged(live: readonly ConversationRow[], held: Held): Arranged {
  const { ids, at, rows } = held;
  const lowest = at.get(ids.at(-1)!) ?? "";
  const risen: ConversationRow[] = [];
  let unknown = 0;
  for (const row of live) {
    const before = at.get(row.id);
    if (before !== undefined) {
      rows.set(row.id, row);
      if (before !== row.last_message_at) risen.push(row);
    } else if ((row.last_message_at ?? "") < lowest) {
      append(held, row); // a further page: from now on it is held, too
    } else unknown += 1;
  }
  const isMoved = risen.some((row) => ids.indexOf(row.id) > live.indexOf(row));
  return { rows: ids.map((id) => rows.get(id)!), news: unknown + (isMoved ? risen.length : 0) };
}
