/** Why the AI wrote what it wrote. */
import type { Core } from "./core.js";
import type { Outcome } from "./models.js";

/** An article that was found. */
export interface Source {
  id: string;
  /** As it is now; null if it is gone. */
  title: string | null;
  status: string | null;
  /** How well it fits the question, 0 to 1. */
  score: number | null;
  /** Was it what the answer was made of? */
  is_cited: boolean;
}

/** One attempt at the turn; what is not known is not there. */
export interface Attempt {
  attempt: number;
  worker?: string;
  outcome?: string;
  action?: "reply" | "escalate" | "none";
  reason?: string;
  confidence?: number;
  /** Who drafted it: a model, or the knowledge base alone. */
  responder?: string;
  model?: string;
  tokens_used?: number;
  /** What the message is about, by topic. */
  probabilities?: Record<string, number | boolean>;
  similarity?: number;
  likelihood?: number;
  questions?: number;
  refers_back?: boolean;
  search?: string;
  small_talk?: string;
  /** What was held back as it stands nowhere: how many, by kind. */
  ungrounded?: Record<string, number>;
  /** Which articles were found, with their scores. */
  found?: Record<string, number>;
  /** Time by stage. */
  milliseconds?: Record<string, number>;
}

export interface Explanation {
  message_id: string;
  conversation_id: string;
  turn_id: string | null;
  kind: "reply" | "handover";
  /** Why it was handed over. */
  reason: string | null;
  confidence: number | null;
  intent: string | null;
  language: string | null;
  model: string | null;
  tokens_used: number | null;
  /** From the turn's first message to the answer. */
  answer_ms: number | null;
  sources: Source[];
  /** In their order; none where no worker told of any. */
  attempts: Attempt[];
  /** How many jobs the turn had: more than one, if the customer wrote on. */
  jobs?: number;
  outcome?: Outcome;
  started_at?: string;
  deadline?: string;
  ended_at?: string;
  /** What the settings were then. */
  thresholds?: Record<string, number | string[] | null>;
}

/** Return what is known of an automatic answer: the body of `conversation.explain`. */
export async function explain(core: Core, messageId: string): Promise<Explanation> {
  const explained: unknown = await core.call("explain_ai_response", { message_id: messageId });
  return explained as Explanation;
}
