/** The messages of one conversation, kept up to date. */
import { useCallback, useRef, useState } from "react";

import type { Conversation } from "../conversation.js";
import type { Message } from "../models.js";
import { isLater } from "../time.js";
import { useRomashka } from "./provider.js";
import { useLatest, useScope } from "./useScope.js";

export interface UseMessagesOptions {
  conversationId: string | null;
  limit: number;
  onNewMessage?: ((message: Message) => void) | undefined;
  onError: (error: Error) => void;
}

export interface UseMessages {
  messages: Message[];
  isLoading: boolean;
  /** The conversation, once it was read. */
  conversation: Conversation | null;
  refresh: () => Promise<void>;
}

/** Read the newest messages of a conversation, then each new and each changed one. */
export function useMessages(options: UseMessagesOptions): UseMessages {
  const { conversationId, limit, onError } = options;
  const client = useRomashka();
  const [messages, setMessages] = useState<Message[]>([]);
  const [conversation, setConversation] = useState<Conversation | null>(null);
  const [isLoading, setLoading] = useState(false);
  const latest = useLatest(options);
  const shownId = useRef<string | null>(null);

  useScope(
    async (scope) => {
      shownId.current = conversationId;
      setMessages([]);
      setConversation(null);
      setLoading(conversationId !== null);
      if (!conversationId) return;
      const opened = await client.conversations.get(conversationId);
      const newest = await opened.messages({ limit });
      if (scope.isOver) return;
      setMessages(newest);
      setConversation(opened);
      setLoading(false);
      const events = opened.live({ after: newest.at(-1)?.position ?? 0 });
      await scope.read(events, (event) => {
        if (event.type === "message.created" || event.type === "message.updated") {
          setMessages((before) => merged(before, [event.message]));
        }
        if (event.type === "message.created") latest.current.onNewMessage?.(event.message);
      });
    },
    (error) => {
      setLoading(false);
      onError(error);
    },
    [client, conversationId, limit],
  );

  const refresh = useCallback(async () => {
    if (!conversation) return;
    const newest = await conversation.messages({ limit });
    if (shownId.current === conversation.id) setMessages((before) => merged(before, newest));
  }, [conversation, limit]);

  return { messages, isLoading, conversation, refresh };
}

/** Put messages where they belong; of two states of one, the newer stays. */
function merged(before: Message[], news: Message[]): Message[] {
  const byPosition = new Map(before.map((message) => [message.position, message]));
  for (const message of news) {
    const known = byPosition.get(message.position)?.updated_at ?? "";
    if (!isLater(known, message.updated_at ?? "")) byPosition.set(message.position, message);
  }
  return [...byPosition.values()].sort((one, other) => one.position - other.position);
}
