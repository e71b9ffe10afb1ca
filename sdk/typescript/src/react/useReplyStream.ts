/** The reply that is being written in a conversation. */
import { errorOfReading } from "./errorOfReading.js";
import { useThread } from "./useThread.js";

export interface UseReplyStream {
  /** What has come of the reply so far, as plain text; empty while nothing is written. */
  text: string;
  isReplying: boolean;
  error: Error | null;
}

/**
 * Show a reply as it grows. It is gone when its message is there: the message is the truth.
 *
 * @example
 * ```tsx
 * const { text, isReplying } = useReplyStream(conversation.id);
 * return isReplying ? <p>{text}…</p> : null;
 * ```
 */
export function useReplyStream(conversationId: string | null | undefined): UseReplyStream {
  const thread = useThread(conversationId);
  const { draft } = thread;
  return { text: draft?.text ?? "", isReplying: draft !== null, error: errorOfReading(thread) };
}
