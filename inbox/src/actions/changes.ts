/** What is changed of one conversation, each with the way back. */
import type { ConversationRow, Priority } from "romashka";

import type { Scene, Undo } from "./action";

type Client = Scene["client"];

export async function assign(
  client: Client,
  row: ConversationRow,
  to: string | null,
): Promise<Undo> {
  const conversation = client.conversations.open(row);
  const before = row.assigned_agent_id;
  await conversation.assign(to);
  return () => conversation.assign(before);
}

export async function prioritise(
  client: Client,
  row: ConversationRow,
  to: Priority,
): Promise<Undo> {
  const conversation = client.conversations.open(row);
  await conversation.setPriority(to);
  return () => conversation.setPriority(row.priority);
}

export async function tag(
  client: Client,
  row: ConversationRow,
  add: readonly string[],
  remove: readonly string[],
): Promise<Undo> {
  const conversation = client.conversations.open(row);
  await conversation.tag(add, remove);
  return () => conversation.tag(remove, add);
}

/** Open it as it was: with whoever had it, waiting if it waited. */
export async function reopen({ supabase }: Client, before: ConversationRow): Promise<void> {
  const { id, status, requires_human } = before;
  const again = supabase.from("conversations").update({ status, requires_human });
  const { error } = await again.eq("id", id);
  if (error) throw new Error(error.message);
}
