/** What a conversation shows, from top to bottom: messages, what is between them, and what is not stored yet. */
import type { Draft, Message, Note, Outgoing, ThreadState } from "romashka";

import { dayKey } from "../../time";
import type { Stop } from "./stopping";

interface Base {
  /** The same for as long as it is the same thing to whoever reads it. */
  key: string;
}
export interface MessageItem extends Base {
  kind: "message";
  message: Message;
  /** Somebody else wrote before it. */
  isFirst: boolean;
}
export type Item =
  | MessageItem
  | (Base & { kind: "day"; time: string })
  | (Base & { kind: "unread" })
  | (Base & { kind: "note"; note: Note })
  | (Base & { kind: "outgoing"; outgoing: Outgoing })
  | (Base & { kind: "draft"; draft: Draft })
  | (Base & { kind: "stopped"; stop: Stop });

/** What is stored, thousands of messages long: it stays the same while something is written. */
export function storedItems(
  shown: Pick<ThreadState, "messages" | "hasOlder">,
  notes: readonly Note[],
  readUpTo: number | null,
): Item[] {
  const items: Item[] = [];
  // The oldest that is loaded tells of the next one whether its day and its author are new; it waits for its own.
  const [first, ...others] = shown.messages;
  let before = shown.hasOlder ? first : undefined;
  const noted = notes.filter(({ created_at }) => !before || created_at > before.created_at);
  for (const message of shown.hasOlder ? others : shown.messages) {
    while (noted[0] && noted[0].created_at < message.created_at)
      items.push(noteItem(noted.shift()!));
    const isNewDay = !before || dayKey(before.created_at) !== dayKey(message.created_at);
    if (isNewDay) items.push({ kind: "day", key: `day:${message.id}`, time: message.created_at });
    const isUnread = readUpTo !== null && message.position > readUpTo;
    const isFirstUnread = isUnread && (!before || before.position <= readUpTo);
    if (isFirstUnread) items.push({ kind: "unread", key: "unread" });
    const isFirst = isNewDay || isFirstUnread || !before || authorOf(before) !== authorOf(message);
    items.push({ kind: "message", key: keyOf(message), message, isFirst });
    before = message;
  }
  items.push(...noted.map(noteItem));
  return items;
}

/** With what is not stored yet. */
export function itemsOf(
  stored: readonly Item[],
  shown: Pick<ThreadState, "messages" | "draft" | "outgoing">,
  stop: Stop | null,
): Item[] {
  const items = [...stored];
  const { draft } = shown;
  // An answer that is there was first, whatever is not decided yet: never both.
  const isStopped = stop && stop.phase !== "lost" && !hasAnswer(shown.messages, stop.turnId);
  if (isStopped) items.push({ kind: "stopped", key: `turn:${stop.turnId}`, stop });
  else if (draft) items.push({ kind: "draft", key: `turn:${draft.turnId}`, draft });
  for (const outgoing of shown.outgoing) {
    items.push({ kind: "outgoing", key: outgoing.id, outgoing });
  }
  return items;
}

function noteItem(note: Note): Item {
  return { kind: "note", key: note.id, note };
}

/** Is the turn's answer among the messages? */
export function hasAnswer(messages: readonly Message[], turnId: string): boolean {
  return messages.some(({ sender_type, turn_id }) => sender_type === "ai" && turn_id === turnId);
}

/** An answer stands where its draft was; what was sent, where it was written. */
function keyOf({ id, turn_id, sender_type }: Message): string {
  return sender_type === "ai" && turn_id ? `turn:${turn_id}` : id;
}

function authorOf({ sender_type, sender_id }: Message): string {
  return sender_type === "agent" ? `agent:${sender_id}` : sender_type;
}
