/** What the team noted down about a conversation, and what it is noting. */
import type { Note } from "romashka";
import { useClient } from "romashka/react";
import { useCallback, useEffect, useState } from "react";

export interface Notes {
  notes: readonly Note[];
  add: (text: string) => Promise<void>;
  remove: (id: string) => Promise<void>;
}

/** Return them; they are read again when the conversation changed. */
export function useNotes(conversationId: string, changedAt: string | undefined): Notes {
  const client = useClient();
  const [found, setFound] = useState<{ of: string; notes: readonly Note[] }>({ of: "", notes: [] });
  const read = useCallback(async () => {
    const notes = await client.conversations.open(conversationId).notes();
    setFound({ of: conversationId, notes });
  }, [client, conversationId]);
  useEffect(() => {
    read().catch(() => {}); // the conversation itself says what is wrong
  }, [read, changedAt]);
  const add = async (text: string) => {
    await client.conversations.open(conversationId).addNote(text);
    await read();
  };
  const remove = async (id: string) => {
    await client.conversations.open(conversationId).removeNote(id);
    await read();
  };
  return { notes: found.of === conversationId ? found.notes : [], add, remove };
}
