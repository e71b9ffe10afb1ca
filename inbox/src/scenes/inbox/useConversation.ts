/** One conversation's row, as it is now. */
import { type ConversationRow, NotFound } from "romashka";
import { useClient, useConnection } from "romashka/react";
import { useCallback, useEffect, useRef, useState } from "react";

export interface Found {
  row: ConversationRow | null;
  error: Error | null;
}

/** Return it; `reload` reads what no event tells. */
export function useConversation(id: string | null): Found & { reload: () => void } {
  const { inbox, conversations } = useClient();
  const [found, setFound] = useState<Found & { id: string | null }>({
    id: null,
    row: null,
    error: null,
  });
  const [times, setTimes] = useState(0);
  const reload = useCallback(() => setTimes((count) => count + 1), []);
  useAgain(reload);
  useEffect(() => {
    if (!id) return;
    let isOver = false;
    const take = (row: ConversationRow) =>
      setFound((before) => ({ id, error: null, row: later(before.row, row) }));
    const gone = (gone: string) => {
      const error = new NotFound(`the conversation ${id} was deleted`, "conversation_not_found");
      if (gone === id) setFound({ id, row: null, error });
    };
    const leave = inbox.observe((row) => row.id === id && take(row), gone);
    conversations
      .get(id)
      .then(({ row }) => !isOver && take(row))
      .catch((error: Error) => !isOver && setFound({ id, row: null, error }));
    return () => {
      isOver = true;
      leave();
    };
  }, [id, inbox, conversations, times]);
  if (!id) return { row: null, error: null, reload };
  const { row, error } = found.id === id ? found : { row: inbox.latest(id) ?? null, error: null };
  return { row, error, reload };
}

/** What changed while nothing was heard is read when there is a connection again. */
function useAgain(reload: () => void): void {
  const { state } = useConnection();
  const wasAway = useRef(false);
  useEffect(() => {
    if (state === "offline") wasAway.current = true;
    if (state !== "live" || !wasAway.current) return;
    wasAway.current = false;
    reload();
  }, [state, reload]);
}

function later(one: ConversationRow | null, other: ConversationRow): ConversationRow {
  if (one?.id !== other.id || other.updated_at >= one.updated_at) return other;
  return one;
}
