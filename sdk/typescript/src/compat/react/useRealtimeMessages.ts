/** The original's hook: an inbox's conversations, and the messages of the selected one. */
import { useCallback, useMemo, useState } from "react";

import type { Offering } from "../../choices.js";
import type { ChannelType } from "../../models.js";
import {
  type OriginalConversation,
  originalConversation,
  type OriginalMessage,
  originalMessage,
} from "../original.js";
import { useRomashka } from "../../react/provider.js";
import { useAttempt } from "./useAttempt.js";
import { useConversations } from "../../react/useConversations.js";
import { useMessages } from "./useMessages.js";
import { useLatest } from "../../react/useScope.js";

export interface UseRealtimeMessagesOptions {
  autoLoadConversations?: boolean;
  messageLimit?: number;
  /** As whom `sendMessage` writes: an inbox as `agent`, a customer's window as `user`. */
  senderType?: "agent" | "user";
  onNewMessage?: (message: OriginalMessage) => void;
  onConversationUpdate?: (conversation: OriginalConversation) => void;
  onError?: (error: Error) => void;
}

/**
 * Everything that an inbox shows, with the original hook's options and fields.
 *
 * `onNewMessage` hears each new message of the selected conversation once, whatever the network does.
 * Conversations and messages have the original's fields beside the columns of their rows.
 *
 * @example
 * ```tsx
 * const { conversations, messages, selectConversation, sendMessage } = useRealtimeMessages();
 * ```
 */
export function useRealtimeMessages(options: UseRealtimeMessagesOptions = {}) {
  const { autoLoadConversations = true, messageLimit = 50, senderType = "agent" } = options;
  const client = useRomashka();
  const [selectedId, setSelectedId] = useState<string | null>(null);
  const latest = useLatest(options);
  const tell = useCallback((failure: Error) => latest.current.onError?.(failure), [latest]);
  const { error, attempt, clear } = useAttempt(tell);

  const list = useConversations({
    autoLoad: autoLoadConversations,
    onChange: (row) => latest.current.onConversationUpdate?.(originalConversation(row)),
    onError: tell,
  });
  const selected = useMessages({
    conversationId: selectedId,
    limit: messageLimit,
    onNewMessage: (message) => latest.current.onNewMessage?.(originalMessage(message)),
    onError: tell,
  });
  const { conversation } = selected;
  const conversations = useMemo(
    () => list.conversations.map(originalConversation),
    [list.conversations],
  );
  const messages = useMemo(() => selected.messages.map(originalMessage), [selected.messages]);

  const selectConversation = useCallback(
    async (target: string | { id: string } | null): Promise<void> => {
      clear();
      setSelectedId(typeof target === "string" ? target : (target?.id ?? null));
    },
    [clear],
  );

  const sendMessage = useCallback(
    (text: string, conversationId?: string) =>
      attempt(async (): Promise<void> => {
        if (!text.trim()) return;
        const id = conversationId ?? selectedId;
        if (!id) throw new Error("unable to send; no conversation is selected");
        const thread = client.conversations.thread(id);
        const { outgoing } = thread.getSnapshot();
        // Written again after it failed, it is the same message: the first may be stored, and its answer lost.
        const failed = outgoing.find((each) => each.state === "failed" && each.text === text);
        await (failed ? thread.retrySend(failed.id) : thread.send(text, { senderType }));
      }),
    [attempt, client, selectedId, senderType],
  );

  const choose = useCallback(
    (message: Offering, number: number) =>
      attempt(async (): Promise<void> => {
        const id = message.conversation_id;
        await client.conversations.open(id).choose(message, number);
      }),
    [attempt, client],
  );

  const createConversation = useCallback(
    (identifier: string, channelType: ChannelType = "website", message?: string) =>
      attempt(async (): Promise<OriginalConversation> => {
        const first = message === undefined ? {} : { message };
        const { row } = await client.conversations.create(identifier, { channelType, ...first });
        const created = originalConversation(row);
        await list.reload();
        setSelectedId(created.id);
        latest.current.onConversationUpdate?.(created);
        return created;
      }),
    [attempt, client, latest, list.reload],
  );

  const markMessageAsRead = useCallback(
    async (messageId: string): Promise<void> => {
      const message = selected.messages.find(({ id }) => id === messageId);
      if (!message || !conversation) return;
      await attempt(() => conversation.markRead(message.position)).catch(() => {});
    },
    [attempt, conversation, selected.messages],
  );

  const refreshMessages = useCallback(
    () => attempt(selected.refresh).catch(() => {}),
    [attempt, selected.refresh],
  );

  const getPerformanceMetrics = useCallback(
    (minutes = 60) =>
      attempt(() =>
        client.call("get_realtime_messaging_metrics", { time_window_minutes: minutes }),
      ),
    [attempt, client],
  );

  const read = useMemo(
    () => conversation && originalConversation(conversation.row),
    [conversation],
  );
  return {
    conversations,
    messages,
    selectedConversation: conversations.find(({ id }) => id === selectedId) ?? read,
    isLoading: list.isLoading || selected.isLoading,
    error: error ?? list.error ?? selected.error,
    loadConversations: list.reload,
    selectConversation,
    sendMessage,
    choose,
    createConversation,
    refreshMessages,
    markMessageAsRead,
    getPerformanceMetrics,
  };
}
