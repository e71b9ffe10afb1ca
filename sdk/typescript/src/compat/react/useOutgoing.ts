/** What the user writes, from the first moment until the conversation's messages have it. */
import { useCallback, useEffect, useRef, useState } from "react";

import type { Outgoing } from "../chat.js";
import type { Conversation } from "../../conversation.js";
import { newId } from "../../id.js";
import type { Message } from "../../models.js";
import { inTime } from "../../pause.js";
import { useLatest } from "../../react/useScope.js";

export type Draft = Pick<Outgoing, "text" | "metadata" | "attachment">;

export interface UseOutgoing {
  /** What `stored` does not have, oldest first. */
  outgoing: Outgoing[];
  /** Show a message, and send it after those before it. What stops it is shown, and thrown. */
  write: (draft: Draft) => Promise<Message>;
  /** Send a failed message again, with the same id: it is stored once, whatever became of the first try. */
  retry: (id: string) => Promise<Message | null>;
  clear: () => void;
}

/** Keep what is being sent, in order, and what could not be. */
export function useOutgoing(
  open: () => Promise<Conversation>,
  stored: readonly Message[],
): UseOutgoing {
  const [written, setWritten] = useState<Outgoing[]>([]);
  const before = useRef<Promise<unknown>>(Promise.resolve());
  const latest = useLatest({ open, stored, written });

  const change = useCallback((id: string, news: Partial<Outgoing>) => {
    setWritten((all) => all.map((each) => (each.id === id ? { ...each, ...news } : each)));
  }, []);

  const deliver = useCallback(
    async (message: Outgoing): Promise<Message> => {
      const opening = latest.current.open(); // now: another one may be shown when it is sent
      opening.catch(() => {});
      const sent = before.current.then(() => inTime(() => send(opening, message)));
      before.current = sent.catch(() => {});
      try {
        const row = await sent;
        change(message.id, { row });
        return row;
      } catch (failure) {
        const row = latest.current.stored.find(({ id }) => id === message.id);
        if (row) return row; // only the answer got lost
        change(message.id, { isFailed: true });
        throw failure;
      }
    },
    [change, latest],
  );

  const write = useCallback(
    (draft: Draft) => {
      const writtenAt = new Date().toISOString();
      const message = { ...draft, id: newId(), writtenAt, isFailed: false };
      setWritten((all) => [...all, message]);
      return deliver(message);
    },
    [deliver],
  );

  const retry = useCallback(
    async (id: string) => {
      const message = latest.current.written.find((each) => each.id === id && each.isFailed);
      if (!message) return null;
      change(id, { isFailed: false });
      return deliver(message);
    },
    [change, deliver, latest],
  );

  const clear = useCallback(() => setWritten([]), []);

  const outgoing = without(written, stored);
  useEffect(() => setWritten((all) => without(all, stored)), [stored]);
  return { outgoing, write, retry, clear };
}

async function send(opening: Promise<Conversation>, message: Outgoing): Promise<Message> {
  const { id, text, metadata, attachment } = message;
  return (await opening).send(text, { id, metadata, attachment });
}

function without(written: Outgoing[], stored: readonly Message[]): Outgoing[] {
  const ids = new Set(stored.map(({ id }) => id));
  const left = written.filter(({ id }) => !ids.has(id));
  return left.length < written.length ? left : written;
}
