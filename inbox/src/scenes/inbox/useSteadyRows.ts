/** Rows that stay where they are while somebody points at them: what is new waits. */
import type { ConversationRow } from "romashka";
import { useRef, useState } from "react";

interface Held {
  ids: readonly string[];
  /** When each was last written to, as the order was held. */
  at: ReadonlyMap<string, string | null>;
  rows: ReadonlyMap<string, ConversationRow>;
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
  return held.current ? { ...arranged(live, held), release } : { rows: live, news: 0, release };
}

function hold(live: readonly ConversationRow[]): Held {
  return {
    ids: live.map(({ id }) => id),
    at: new Map(live.map(({ id, last_message_at }) => [id, last_message_at])),
    rows: new Map(live.map((row) => [row.id, row])),
  };
}

function arranged(live: readonly ConversationRow[], held: { current: Held | null }) {
  const { ids, at, rows } = held.current!;
  const now = new Map(live.map((row) => [row.id, row]));
  const lowest = at.get(ids.at(-1)!) ?? "";
  const unknown = live.filter(({ id }) => !at.has(id));
  const below = unknown.filter(({ last_message_at }) => (last_message_at ?? "") < lowest);
  if (below.length > 0) {
    // A further page: from now on it is held, too.
    held.current = {
      ids: [...ids, ...below.map(({ id }) => id)],
      at: new Map([...at, ...below.map((row) => [row.id, row.last_message_at] as const)]),
      rows: new Map([...rows, ...now]),
    };
    return arranged(live, held);
  }
  const risen = live.filter((row) => at.has(row.id) && at.get(row.id) !== row.last_message_at);
  const isMoved = risen.some((row) => ids.indexOf(row.id) > live.indexOf(row));
  return {
    rows: ids.map((id) => now.get(id) ?? rows.get(id)!),
    news: unknown.length + (isMoved ? risen.length : 0),
  };
}
