/** The messages of one conversation, kept up to date. */
import { useCallback, useEffect, useRef, useState } from "react";

import type { Conversation } from "../conversation.js";
import type { Message } from "../models.js";
import { isLater } from "../time.js";
import { useRomashka } from "./provider.js";
import { useLatest, useScope } from "./useScope.js";

export interface UseMessagesOptions {
  conversationId: string | null;
  /** How many of the newest to begin with; without it, all. */
  limit?: number;
  /** When it changes, everything is read anew. */
  revision?: string;
  /** After which position a message that is there at the first read is new; without it, none is. */
  newAfter?: number | undefined;
  /** Is called with each new message, once. */
  onNewMessage?: ((message: Message) => void) | undefined;
  onError: (error: Error) => void;
}

export interface UseMessages {
  messages: Message[];
  isLoading: boolean;
  /** Is each change heard at once? */
  isLive: boolean;
  /** Why the conversation could not be read; null once it was. */
  error: Error | null;
  /** The conversation, once it was read. */
  conversation: Conversation | null;
  refresh: () => Promise<void>;
}

/** Read the newest messages of a conversation, then each new and each changed one. */
export function useMessages(options: UseMessagesOptions): UseMessages {
  const { conversationId, limit, revision, onError } = options;
  const client = useRomashka();
  const [messages, setMessages] = useState<Message[]>([]);
  const [conversation, setConversation] = useState<Conversation | null>(null);
  const [isLoading, setLoading] = useState(conversationId !== null);
  const [isLive, setLive] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const shownId = useRef<string | null>(null);
  const tellNews = useNews(options);

  useEffect(() => {
    shownId.current = conversationId;
    setMessages([]);
    setConversation(null);
    setLoading(conversationId !== null);
    setLive(false);
    setError(null);
  }, [client, conversationId, limit, revision]);

  const read = useCallback(
    (from: Conversation) => from.messages(limit === undefined ? {} : { limit }),
    [limit],
  );

  const reread = useCallback(
    async (shown: Conversation) => {
      const newest = await read(shown);
      if (shownId.current === shown.id) setMessages((before) => merged(before, newest));
    },
    [read],
  );

  useScope(
    async (scope) => {
      if (!conversationId) return;
      const opened = await client.conversations.get(conversationId);
      const newest = await read(opened);
      if (scope.isOver) return;
      setMessages(newest);
      setConversation(opened);
      setLoading(false);
      setError(null);
      tellNews(newest);
      let wasInterrupted = false;
      const onConnection = (isNow: boolean) => {
        if (scope.isOver) return;
        setLive(isNow);
        if (isNow && wasInterrupted) reread(opened).catch(() => {}); // changes are sent but once
        wasInterrupted = !isNow;
      };
      const events = opened.live({ after: newest.at(-1)?.position ?? 0, onConnection });
      await scope.read(events, (event) => {
        if (event.type !== "message.created" && event.type !== "message.updated") return;
        setMessages((before) => merged(before, [event.message]));
        if (event.type === "message.created") tellNews([event.message]);
      });
    },
    (failure) => {
      setLoading(false);
      setLive(false);
      setError(failure);
      onError(failure);
    },
    [client, conversationId, limit, revision],
  );

  const refresh = useCallback(
    async () => void (conversation && (await reread(conversation))),
    [conversation, reread],
  );
  return { messages, isLoading, isLive, error, conversation, refresh };
}

/** Return what tells each new message once, however often a conversation is read. */
function useNews(options: UseMessagesOptions) {
  const latest = useLatest(options);
  const toldUpTo = useRef<number | null>(null);
  useEffect(() => {
    toldUpTo.current = null;
  }, [options.conversationId]);
  return useCallback(
    (messages: Message[]) => {
      toldUpTo.current ??= latest.current.newAfter ?? messages.at(-1)?.position ?? 0;
      for (const message of messages) {
        if (message.position <= toldUpTo.current) continue;
        toldUpTo.current = message.position;
        latest.current.onNewMessage?.(message);
      }
    },
    [latest],
  );
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
