/** The original's hook: an inbox's conversations, and the messages of the selected one. */
import { useCallback, useState } from "react";

import type { ChannelType, ConversationRow, Message } from "../models.js";
import { useRomashka } from "./provider.js";
import { useConversations } from "./useConversations.js";
import { useMessages } from "./useMessages.js";
import { useLatest } from "./useScope.js";

export interface UseRealtimeMessagesOptions {
  autoLoadConversations?: boolean;
  messageLimit?: number;
  onNewMessage?: (message: Message) => void;
  onConversationUpdate?: (conversation: ConversationRow) => void;
  onError?: (error: Error) => void;
}

/**
 * Everything that an inbox shows, with the original hook's options and fields.
 *
 * `onNewMessage` hears each new message of the selected conversation once, whatever the network does.
 *
 * @example
 * ```tsx
 * const { conversations, messages, selectConversation, sendMessage } = useRealtimeMessages();
 * ```
 */
export function useRealtimeMessages(options: UseRealtimeMessagesOptions = {}) {
  const { autoLoadConversations = true, messageLimit = 50 } = options;
  const client = useRomashka();
  const [selectedId, setSelectedId] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const latest = useLatest(options);

  const fail = useCallback(
    (failure: Error) => {
      setError(failure.message);
      latest.current.onError?.(failure);
    },
    [latest],
  );

  /** Do something for the user; what goes wrong is shown, and thrown to the caller. */
  const attempt = useCallback(
    async <Value>(action: () => Promise<Value>): Promise<Value> => {
      try {
        const value = await action();
        setError(null);
        return value;
      } catch (failure) {
        fail(failure as Error);
        throw failure;
      }
    },
    [fail],
  );

  const list = useConversations({
    autoLoad: autoLoadConversations,
    onChange: (row) => latest.current.onConversationUpdate?.(row),
    onError: fail,
  });
  const selected = useMessages({
    conversationId: selectedId,
    limit: messageLimit,
    onNewMessage: (message) => latest.current.onNewMessage?.(message),
    onError: fail,
  });
  const { conversation, messages } = selected;

  const selectConversation = useCallback((target: string | { id: string } | null) => {
    setError(null);
    setSelectedId(typeof target === "string" ? target : (target?.id ?? null));
  }, []);

  const sendMessage = useCallback(
    (text: string, senderType: "user" | "agent" = "user") =>
      attempt(async () => {
        if (!selectedId) throw new Error("unable to send; no conversation is selected");
        const opened = conversation ?? (await client.conversations.get(selectedId));
        return opened.send(text, { senderType });
      }),
    [attempt, client, conversation, selectedId],
  );

  const createConversation = useCallback(
    (identifier: string, channelType: ChannelType = "website", message?: string) =>
      attempt(async () => {
        const first = message === undefined ? {} : { message };
        const { id } = await client.conversations.create(identifier, { channelType, ...first });
        await list.reload();
        return id;
      }),
    [attempt, client, list.reload],
  );

  const markMessageAsRead = useCallback(
    (messageId: string) =>
      attempt(async () => {
        const message = messages.find(({ id }) => id === messageId);
        if (message) await conversation?.markRead(message.position);
      }),
    [attempt, conversation, messages],
  );

  const getPerformanceMetrics = useCallback(
    (minutes = 60) =>
      attempt(() =>
        client.call("get_realtime_messaging_metrics", { time_window_minutes: minutes }),
      ),
    [attempt, client],
  );

  const shown = list.conversations.find(({ id }) => id === selectedId);
  return {
    conversations: list.conversations,
    messages,
    selectedConversation: shown ?? conversation?.row ?? null,
    isLoading: list.isLoading || selected.isLoading,
    error,
    loadConversations: list.reload,
    selectConversation,
    sendMessage,
    createConversation,
    refreshMessages: useCallback(() => attempt(selected.refresh), [attempt, selected.refresh]),
    markMessageAsRead,
    getPerformanceMetrics,
  };
}
