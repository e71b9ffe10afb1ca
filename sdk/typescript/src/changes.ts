/** What the inbox's events say of conversations. */
import type { Broadcast } from "./listener.js";
import type { ConversationRow, Customer } from "./models.js";

/** Return the conversations that a broadcast is about; of one of another kind or version, none. */
export function conversationsOf({ payload }: Broadcast): ConversationRow[] {
  const { conversation, conversations, customer } = payload as {
    conversation?: ConversationRow | null;
    conversations?: ConversationRow[] | null;
    customer?: Customer | null;
  };
  const rows = conversations ?? [conversation];
  return rows
    .filter((row): row is ConversationRow => typeof row?.updated_at === "string")
    .map((row) => withCustomer(row, customer));
}

/** Does it say no more than that there is something to be read? */
export function isWithoutRows({ event, payload }: Broadcast): boolean {
  return event === "conversations.changed" && !payload["conversations"];
}

/** Put the customer where a row that was read has it; databases of before say nothing of them. */
function withCustomer(row: ConversationRow, customer?: Customer | null): ConversationRow {
  if (row.customer_id === null) return { ...row, customer_profiles: null };
  if (customer === undefined) return row;
  const unknown = { preferences: null, satisfaction_rating: null };
  return { ...row, customer_profiles: customer && { ...unknown, ...customer } };
}
