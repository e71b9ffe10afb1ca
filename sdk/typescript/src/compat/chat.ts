/** Messages and people as the original's chat window reads them. */
import type { Attachment } from "../attachments.js";
import type { Json } from "../database.js";
import type { Message } from "../models.js";
import type { Person } from "../presence.js";

/** A message with the original's fields and words. */
export interface ChatMessage {
  /** It stays the same when the message is stored. */
  id: string;
  /** Empty while there is no conversation yet. */
  conversation_id: string;
  sender_type: "user" | "ai" | "agent";
  content: string;
  /** `file` is everything but text and pictures. `system` never comes: nobody writes such messages. */
  message_type: "text" | "image" | "file" | "system";
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- frontends read what they wrote
  metadata?: Record<string, any>;
  /**
   * `sending`: not stored yet; `sent`, `delivered`, `read`: stored; `failed`: not stored, or (with a `row`)
   * stored and not delivered to its channel.
   */
  status: "sending" | "sent" | "delivered" | "read" | "failed";
  created_at: string;
  updated_at: string;
  /** The row of `messages`, once it is stored; `attachmentOf` takes it. */
  row?: Message;
}

/** Somebody who types. */
export interface TypingIndicator {
  /** By what the others know this window of theirs; `ai_agent` for the AI. No user's id: none is told. */
  user_id: string;
  conversation_id: string;
  is_typing: boolean;
  /** Since when we know. */
  last_activity: string;
}

/** Somebody else who looks at the conversation now. The AI does not: it is where nobody is. */
export interface ChatParticipant {
  /** By what the others know this window of theirs. */
  id: string;
  /** What they say of themselves; nothing proves it. */
  name: string;
  /** Is never told. */
  email?: string;
  role: "customer" | "ai" | "agent";
  /** Always true: who left is not a participant any more. */
  is_online: boolean;
  /** Since when we know. */
  last_seen: string;
}

/** What the user wrote, and the conversation's messages do not have yet. */
export interface Outgoing {
  readonly id: string;
  readonly text: string;
  readonly metadata?: Record<string, Json | undefined> | undefined;
  readonly attachment?: Attachment | undefined;
  readonly writtenAt: string;
  readonly isFailed: boolean;
  /** What was stored. */
  readonly row?: Message;
}

/** Add the original's fields to a stored message. */
export function chatMessage(row: Message): ChatMessage {
  return {
    id: row.id,
    conversation_id: row.conversation_id,
    sender_type: row.sender_type,
    content: row.content,
    message_type: typeOf(row.message_type ?? "text"),
    metadata: (row.metadata ?? {}) as Record<string, Json>,
    status: STATUSES.find((status) => status === row.delivery_status) ?? "sent",
    created_at: row.created_at,
    updated_at: row.updated_at ?? row.created_at,
    row,
  };
}

/** Show what the user wrote: as it was stored, or that it is not. */
export function outgoingMessage(message: Outgoing, conversationId: string | null): ChatMessage {
  if (message.row) return chatMessage(message.row);
  const kind = message.attachment?.content_type.split("/")[0];
  return {
    id: message.id,
    conversation_id: conversationId ?? "",
    sender_type: "user",
    content: message.text,
    message_type: kind === undefined ? "text" : typeOf(kind),
    metadata: message.metadata ?? {},
    status: message.isFailed ? "failed" : "sending",
    created_at: message.writtenAt,
    updated_at: message.writtenAt,
  };
}

/** Add the original's fields to somebody who is here. */
export function chatParticipant({ key, name, role }: Person): ChatParticipant {
  return { id: key, name, role, is_online: true, last_seen: new Date().toISOString() };
}

/** Say that somebody types. */
export function typingIndicator(userId: string, conversationId: string): TypingIndicator {
  const last_activity = new Date().toISOString();
  return { user_id: userId, conversation_id: conversationId, is_typing: true, last_activity };
}

const STATUSES = ["delivered", "read", "failed"] as const;

function typeOf(kind: string): ChatMessage["message_type"] {
  return kind === "text" || kind === "image" ? kind : "file";
}
