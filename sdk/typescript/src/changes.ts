/** What the inbox's events say of conversations. */
import type { Broadcast } from "./listener.js";
import type { ConversationRow } from "./models.js";

/**
 * Return the conversations that a broadcast is about; of one of another kind or version, none.
 *
 * Databases of before say nothing of the customer; but of one that is not there, there is nothing to be said.
 */
export function conversationsOf({ payload }: Broadcast): ConversationRow[] {
  const { conversation, conversations } = payload as {
    conversation?: ConversationRow | null;
    conversations?: ConversationRow[] | null;
  };
  return (conversations ?? [conversation])
    .filter((row): row is ConversationRow => typeof row?.updated_at === "string")
    .map((row) => (row.customer_id === null ? { customer_profiles: null, ...row } : row));
}

/** Does it say no more than that there is something to be read? Of what is gone, a list reads what takes its place. */
export function isWithoutRows({ event, payload }: Broadcast): boolean {
  return event.startsWith("conversations.") && !payload["conversations"];
}

/** Return the conversations that are gone, as far as they fit an event. */
export function deletedIn({ event, payload }: Broadcast): string[] {
  return (event === "conversations.deleted" && (payload["conversation_ids"] as string[])) || [];
}
