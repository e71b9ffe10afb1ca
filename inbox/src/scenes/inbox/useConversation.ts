/** One conversation's row, as it is now. */
import type { ConversationRow } from "romashka";
import { useClient } from "romashka/react";
import { useEffect, useState } from "react";

export type Found = { row: ConversationRow | null; error: Error | null };

export function useConversation(id: string | null): Found {
  const { inbox, conversations } = useClient();
  const [found, setFound] = useState<Found & { id: string | null }>({
    id: null,
    row: null,
    error: null,
  });
  useEffect(() => {
    if (!id) return;
    let isOver = false;
    const take = (row: ConversationRow) =>
      setFound((before) => ({ id, error: null, row: later(before.row, row) }));
    const leave = inbox.feed.observe((row) => row.id === id && take(row));
    conversations
      .get(id)
      .then(({ row }) => !isOver && take(row))
      .catch((error: Error) => !isOver && setFound({ id, row: null, error }));
    return () => {
      isOver = true;
      leave();
    };
  }, [id, inbox, conversations]);
  if (!id) return { row: null, error: null };
  return found.id === id ? found : { row: inbox.feed.latest(id) ?? null, error: null };
}

function later(one: ConversationRow | null, other: ConversationRow): ConversationRow {
  if (one?.id !== other.id || other.updated_at >= one.updated_at) return other;
  return one;
}
