/** Rows as the database gives them, for stories. */
import type { ConversationRow, Message, Outgoing } from "romashka";

import type { Team } from "../src/people";

export const NOW = Date.parse("2026-11-30T16:40:00Z");
const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();

export const TEAM: Team = new Map([
  ["ada", { id: "ada", name: "Ada Lindgren" }],
  ["bo", { id: "bo", name: "Bo Berg" }],
]);

let count = 0;

export function row(changes: Partial<ConversationRow> & { name?: string } = {}): ConversationRow {
  const { name = "Marta Lindqvist", ...rest } = changes;
  const id = `c${(count += 1)}`;
  return {
    id,
    channel_type: "website",
    status: "active",
    priority: "normal",
    requires_human: false,
    waiting_since: null,
    turn: null,
    assigned_agent_id: null,
    escalation_reason: null,
    agent_read_position: 4,
    message_count: 4,
    created_at: ago(3_000),
    updated_at: ago(2),
    last_message_at: ago(2),
    last_message: "Thursday is fine. Which carrier is it?",
    language: "en",
    tags: [],
    satisfaction_rating: null,
    customer_profiles: { id: "p1", name, email: "marta@example.com", phone: "+46 70 123 45 67" },
    ...rest,
  } as ConversationRow;
}

export function message(changes: Partial<Message> = {}): Message {
  return {
    id: `m${(count += 1)}`,
    conversation_id: "c1",
    sender_type: "user",
    sender_id: null,
    content: "Hello, my order 4711 has not arrived yet. Can you look where it is?",
    created_at: ago(12),
    confidence_score: null,
    knowledge_sources: null,
    delivery_status: null,
    status: null,
    metadata: {},
    media_url: null,
    position: count,
    turn_id: null,
    ...changes,
  } as Message;
}

export function outgoing(changes: Partial<Outgoing> = {}): Outgoing {
  return {
    id: `o${(count += 1)}`,
    text: "I have asked the carrier, and will write as soon as I know more.",
    writtenAt: ago(0),
    state: "sending",
    error: null,
    senderType: "agent",
    ...changes,
  } as Outgoing;
}
