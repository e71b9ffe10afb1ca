/** What the SDK hands out: the database's rows, narrowed to what the database guarantees. */
import type { Database } from "./database.js";

type Row<Table extends keyof Database["public"]["Tables"]> =
  Database["public"]["Tables"][Table]["Row"];

export type ChannelType = "website" | "whatsapp" | "instagram" | "email" | "sms" | "messenger";
export type SenderType = "user" | "ai" | "agent";
export type Status = "active" | "pending" | "resolved" | "escalated" | "closed";
export type Priority = "low" | "normal" | "high" | "urgent";
export type Sentiment = "positive" | "neutral" | "negative";

/** One message of a conversation, at its gapless `position`. */
export interface Message extends Row<"messages"> {
  conversation_id: string;
  sender_type: SenderType;
  created_at: string;
}

/** A turn: the customer's messages that wait for one answer, and what became of them. */
export interface Turn {
  job_id: string;
  turn_id: string;
  status: "pending" | "processing" | "completed" | "failed";
  /** When its first message came. */
  started_at: string;
  process_after: string;
  /** Until when it is answered. */
  deadline: string;
  /** Null while it is open. */
  outcome: Outcome | null;
  ended_at: string | null;
}

/** How a turn ended. */
export type Outcome = "replied" | "escalated" | "not_needed" | "taken_over" | "superseded";

/** A row of `conversations`, with its customer and turn; databases of before 0.2 broadcast it without. */
export interface ConversationRow extends Omit<Row<"conversations">, "turn"> {
  channel_type: ChannelType;
  status: Status;
  priority: Priority;
  sentiment: Sentiment | null;
  requires_human: boolean;
  message_count: number;
  created_at: string;
  updated_at: string;
  customer_profiles?: Customer | null;
  /** The one that is open, else the last one; null if there was none. */
  turn?: Turn | null;
}

/** What frontends show of a customer. */
export type Customer = Pick<Row<"customer_profiles">, CustomerColumn>;
type CustomerColumn = "id" | "name" | "email" | "phone" | "preferences" | "satisfaction_rating";

/** What staff write down for each other. */
export type Note = Row<"conversation_notes">;

/** What an agent has begun to write; each state of it has a higher `revision` than the one before. */
export interface MessageDraft extends Row<"message_drafts"> {
  mode: "reply" | "note";
}

/** `reply` or `handover` when the AI wrote it, else `message`. */
export function kindOf(message: Message): "message" | "reply" | "handover" {
  if (message.sender_type !== "ai") return "message";
  const metadata = message.metadata as { kind?: string } | null;
  return metadata?.kind === "handover" ? "handover" : "reply";
}

/** A message that goes out by a channel, and what became of it. */
export type Delivery = Row<"channel_deliveries">;

/** A message was committed. */
export interface MessageCreated {
  type: "message.created";
  message: Message;
}

/** A message changed: it was delivered, or read. */
export interface MessageUpdated {
  type: "message.updated";
  message: Message;
}

/** A reply begins to be written. */
export interface ReplyStarted {
  type: "reply.started";
  turn_id: string;
  draft_id: string;
}

/** A further piece of it; `sequence` is 1, 2, 3 … within a draft. */
export interface ReplyDelta {
  type: "reply.delta";
  turn_id: string;
  draft_id: string;
  sequence: number;
  text: string;
}

/** The turn has its outcome: the message with `message_id`, or none. */
export interface ReplySettled {
  type: "reply.settled";
  turn_id: string;
  outcome: Outcome;
  message_id: string | null;
}

/** What passes by: sent once, never again. Show it, and believe the row. */
export type PassingEvent = MessageUpdated | ReplyStarted | ReplyDelta | ReplySettled;

/** An event of a conversation, as `conversation.live()` gives it. */
export type ConversationEvent = MessageCreated | PassingEvent;

/** A conversation changed; as `inbox.events()` gives it. */
export interface ConversationChanged {
  type: "conversation.changed";
  conversation: ConversationRow;
}

/** A message did not reach its customer, and is tried no more. */
export interface DeliveryFailed {
  type: "delivery.failed";
  delivery_id: string;
  conversation_id: string;
  message_id: string;
  error_code: string | null;
  error: string | null;
}

/** Staff wrote a note. */
export interface NoteCreated {
  type: "note.created";
  note: Note;
}

/** A note was removed by its author. */
export interface NoteRemoved {
  type: "note.removed";
  note_id: string;
  conversation_id: string;
}

/** Several notes were written or removed at once: read them again, in these conversations; in all, if it is null. */
export interface NotesChanged {
  type: "notes.changed";
  conversation_ids: string[] | null;
}

/** What staff hear of notes. */
export type NoteEvent = NoteCreated | NoteRemoved | NotesChanged;

/** An event of the inbox, as `inbox.live()` gives it. */
export type InboxEvent = ConversationChanged | DeliveryFailed | NoteEvent;
