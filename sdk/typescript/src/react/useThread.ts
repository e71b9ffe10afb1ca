/** A conversation's messages, in a component. */
import { NOTHING, type Thread, type ThreadState } from "../thread.js";
import { useClient } from "./provider.js";
import { constant, useStore } from "./useStore.js";

const NO_THREAD = constant(NOTHING);

export interface UseThread extends ThreadState {
  /** `send(text)`, `retrySend(id)`, `discard(id)`, `loadOlder()`, `retry()`; null while no conversation is chosen. */
  thread: Thread | null;
}

/**
 * Show a conversation; components that show the same one share it, and who comes back to it sees it at once.
 *
 * @example
 * ```tsx
 * const { messages, outgoing, thread } = useThread(id);
 * ```
 */
export function useThread(conversationId: string | null | undefined): UseThread {
  const client = useClient();
  const thread = conversationId ? client.conversations.thread(conversationId) : null;
  return { ...useStore(thread ?? NO_THREAD), thread };
}
