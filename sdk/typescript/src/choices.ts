/** What a question of the AI's offers, and what a customer chooses of it. */
import type { Json } from "./database.js";
import { InvalidRequest } from "./errors.js";
import type { Message } from "./models.js";

/** One of the answers that a question offers. */
export interface Choice {
  /** From 1, as in the question's text. */
  number: number;
  label: string;
  /** The article that answers it; null is "none of these". */
  item_id: string | null;
}

/** Which answer of a question a customer has chosen. */
export interface Chosen {
  /** The question. */
  message_id: string;
  number: number;
  /** Somebody had answered since, or it was chosen before: it changed nothing. */
  is_late: boolean;
}

/** A message, as far as choices need it: a row, or what a hook gives. */
export type Offering = Pick<Message, "id" | "conversation_id" | "sender_type"> & {
  metadata?: unknown;
};

/** What a question of the AI's offers; nothing, if the message is none. */
export function choicesOf({ sender_type, metadata }: Omit<Offering, "id">): Choice[] {
  const offered = sender_type === "ai" ? (metadata as { choices?: unknown } | null)?.choices : null;
  if (!Array.isArray(offered) || !offered.every(isLabelled)) return [];
  return offered.map(({ label, item_id }, index) => ({
    number: index + 1,
    label,
    item_id: item_id ?? null,
  }));
}

/** What the customer has chosen of a question's answers; null, if they wrote. */
export function choiceOf({ sender_type, metadata }: Omit<Offering, "id">): Chosen | null {
  const chosen = sender_type === "user" ? (metadata as { choice?: unknown } | null)?.choice : null;
  const { message_id, number, is_late } = (chosen ?? {}) as Partial<Chosen>;
  if (typeof message_id !== "string" || typeof number !== "number") return null;
  return { message_id, number, is_late: is_late === true };
}

/** Return what is written when the customer chooses. */
export function chosen(
  message: Offering,
  number: number,
  conversationId: string | null,
): { text: string; metadata: Record<string, Json> } {
  const choices = choicesOf(message);
  const choice = choices.find((each) => each.number === number);
  if (choice && message.conversation_id === conversationId) {
    return { text: choice.label, metadata: { choice: { message_id: message.id, number } } };
  }
  const reason = choice
    ? "the message is of another conversation"
    : choices.length
      ? `the message offers 1 to ${choices.length}, not ${number}`
      : "the message is no question with choices";
  throw new InvalidRequest(`unable to choose; ${reason}`, "not_offered");
}

function isLabelled(choice: unknown): choice is { label: string; item_id?: string | null } {
  return typeof (choice as { label?: unknown } | null)?.label === "string";
}
