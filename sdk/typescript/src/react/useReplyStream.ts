/** The reply that is being written in a conversation. */
import { useState } from "react";

import { draftAfter, NO_DRAFT } from "../draft.js";
import { useRomashka } from "./provider.js";
import { useScope } from "./useScope.js";

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
  const client = useRomashka();
  const [{ draft }, setState] = useState(NO_DRAFT);
  const [error, setError] = useState<Error | null>(null);

  useScope(
    async (scope) => {
      setState(NO_DRAFT);
      if (!conversationId) return setError(null);
      const conversation = await client.conversations.get(conversationId);
      if (scope.isOver) return;
      setError(null);
      const events = conversation.live({
        after: conversation.row.message_count,
        onConnection: (isLive) => !isLive && setState(NO_DRAFT), // what was missed does not come again
      });
      await scope.read(events, (event) => setState((state) => draftAfter(state, event)));
    },
    setError,
    [client, conversationId],
  );

  return { text: draft?.text ?? "", isReplying: draft !== null, error };
}
