/** Who answers in a conversation, as a list shows it. */
import type { ConversationRow } from "./models.js";

/** Nobody (it is resolved), the AI, a human, or nobody yet: the customer waits for a human. */
export interface WhoAnswers {
  who: "nobody" | "ai" | "human" | "waiting";
  /** Whose the conversation is; of a human who has it, who that is. */
  agentId: string | null;
  /** Since when the customer waits for a human. */
  waitingSince: string | null;
  /** Since when the customer waits for the AI, and until when it answers; while they wait for a human, too. */
  turn: { startedAt: string; deadline: string; isWriting: boolean } | null;
}

/**
 * Return who answers, and by when.
 *
 * That the AI writes is told by no event: it follows from the time, `client.now()`. Ask again each second for a
 * countdown; the outcome comes as a change of the row.
 *
 * @example
 * ```ts
 * const { who, turn } = whoAnswers(row, client.now());
 * if (turn) showCountdown(Date.parse(turn.deadline) - client.now());
 * ```
 */
export function whoAnswers(row: ConversationRow, now: number): WhoAnswers {
  const isOver = row.status === "resolved" || row.status === "closed";
  const waitingSince = row.requires_human ? row.waiting_since : null;
  const human = waitingSince ? "waiting" : "human";
  const isOpen = row.turn && row.turn.outcome === null;
  return {
    who: isOver ? "nobody" : row.requires_human ? human : "ai",
    agentId: row.assigned_agent_id,
    waitingSince,
    turn: isOpen ? pending(row.turn!, now) : null,
  };
}

function pending(turn: NonNullable<ConversationRow["turn"]>, now: number): WhoAnswers["turn"] {
  const isDue = turn.status === "processing" || Date.parse(turn.process_after) <= now;
  return {
    startedAt: turn.started_at,
    deadline: turn.deadline,
    isWriting: isDue && now < Date.parse(turn.deadline),
  };
}
