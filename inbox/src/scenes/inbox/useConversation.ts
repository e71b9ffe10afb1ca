/** One conversation's row, as it is now. */
import { type ConversationRow, NotFound, Unreachable } from "romashka";
import { useClient, useConnection } from "romashka/react";
import { useCallback, useEffect, useRef, useState } from "react";

export interface Found {
  row: ConversationRow | null;
  error: Error | null;
  /** It was read since it was opened, or could not be: what a list knew of it may be a moment old. */
  isFresh: boolean;
}

const NOTHING = { row: null, error: null, isFresh: false };

/** Return it; `reload` reads what no event tells. */
export function useConversation(id: string | null): Found & { reload: () => void } {
  const { inbox, conversations } = useClient();
  const [found, setFound] = useState<Found & { id: string | null }>({
    ...NOTHING,
    id: null,
  });
  const [times, setTimes] = useState(0);
  const reload = useCallback(() => setTimes((count) => count + 1), []);
  useAgain(reload);
  useEffect(() => {
    if (!id) return;
    let isOver = false;
    const take = (row: ConversationRow, isRead = false) =>
      setFound((before) => ({
        id,
        error: null,
        row: later(before.row, row, isRead),
        isFresh: isRead || (before.id === id && before.isFresh),
      }));
    const gone = (gone: string) => {
      const error = new NotFound(`the conversation ${id} was deleted`, "conversation_not_found");
      if (gone === id) setFound({ id, row: null, error, isFresh: true });
    };
    const leave = inbox.observe((row) => row.id === id && take(row), gone);
    conversations
      .get(id)
      .then(({ row }) => !isOver && take(row, true))
      .catch((error: Error) => {
        if (isOver) return;
        // Without a connection it is as it was known.
        const known = error instanceof Unreachable ? inbox.latest(id) : undefined;
        if (known) take(known, true);
        else setFound({ id, row: null, error, isFresh: true });
      });
    return () => {
      isOver = true;
      leave();
    };
  }, [id, inbox, conversations, times]);
  if (!id) return { ...NOTHING, reload };
  if (found.id !== id) return { ...NOTHING, row: inbox.latest(id) ?? null, reload };
  const { row, error, isFresh } = found;
  return { row, error, isFresh, reload };
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

/** Of two states the later one; what was read is no older than the event of the same change. */
function later(
  one: ConversationRow | null,
  other: ConversationRow,
  isRead: boolean,
): ConversationRow {
  if (one?.id !== other.id || other.updated_at > one.updated_at) return other;
  return isRead && other.updated_at === one.updated_at ? other : one;
}
