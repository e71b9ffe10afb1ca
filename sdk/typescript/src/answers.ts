/** Asking, and waiting for the automatic answer: a reply or a hand-over. */
import type { Romashka } from "./client.js";
import type { Conversation } from "./conversation.js";
import { NoAnswer, unwrap } from "./errors.js";
import { follow, type ReadAfter } from "./events.js";
import { type ConversationEvent, kindOf, type Message } from "./models.js";
import type { SendOptions } from "./outgoing.js";

/** What comes with the question, and for how long to wait. */
export interface AskOptions extends Pick<SendOptions, "attachment"> {
  timeoutMs?: number;
}

/** Send a question; give replies as they are written, and last the message that answers it. */
export async function* streamAnswer(
  client: Romashka,
  conversation: Conversation,
  readAfter: ReadAfter,
  text: string,
  { timeoutMs = 10_000, attachment }: AskOptions,
): AsyncGenerator<ConversationEvent, void> {
  const listener = client.topics.listen(conversation.topic);
  const timer = setTimeout(() => void listener.return(), timeoutMs);
  try {
    const question = await conversation.send(text, { attachment });
    const positions = new Map([[question.id, question.position]]);
    for await (const event of follow(listener, readAfter, question.position)) {
      if (event.type === "message.created") {
        positions.set(event.message.id, event.message.position);
        if (!(await answers(client, event.message, question, positions))) continue;
      }
      yield event;
      if (event.type === "message.created") return;
    }
    throw new NoAnswer(`nobody answered within ${timeoutMs} ms`);
  } finally {
    clearTimeout(timer);
    await listener.return();
  }
}

async function answers(
  client: Romashka,
  message: Message,
  question: Message,
  positions: Map<string, number>,
): Promise<boolean> {
  const kind = kindOf(message);
  // After a hand-over nothing else comes by itself, whichever turn it was written for.
  if (kind === "handover" || message.turn_id === question.id) return true;
  if (kind === "message") return false;
  // A burst is one turn: its answer is to the last of its messages too.
  const jobs = client.supabase.from("ai_response_queue").select("message_id");
  const answered = jobs.eq("turn_id", message.turn_id!).eq("status", "completed").single();
  const newest = (await unwrap(answered)).message_id;
  return (positions.get(newest) ?? 0) >= question.position;
}
