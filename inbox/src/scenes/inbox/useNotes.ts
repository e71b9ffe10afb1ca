/** What the team noted down about a conversation, as it is noted. */
import type { Note } from "romashka";
import { useClient, useStore } from "romashka/react";

export interface Notes {
  notes: readonly Note[];
  add: (text: string) => Promise<void>;
  remove: (id: string) => Promise<void>;
}

export function useNotes(conversationId: string): Notes {
  const { conversations, inbox } = useClient();
  const store = inbox.notes(conversationId);
  const { notes } = useStore(store);
  const conversation = () => conversations.open(conversationId);
  /** What was done is seen also while nothing is heard. */
  const seen = () => store.getSnapshot().state !== "live" && store.retry();
  return {
    notes,
    add: async (text) => {
      await conversation().addNote(text);
      seen();
    },
    remove: async (id) => {
      await conversation().removeNote(id);
      seen();
    },
  };
}
