/** The messages of one conversation, kept up to date, as the original's hooks read them. */
import { useCallback, useEffect, useRef, useState } from "react";

import type { Conversation } from "../../conversation.js";
import type { Message } from "../../models.js";
import { errorOfReading } from "../../react/errorOfReading.js";
import { useClient } from "../../react/provider.js";
import { useLatest, useScope } from "../../react/useScope.js";
import { useThread } from "../../react/useThread.js";

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
  messages: readonly Message[];
  isLoading: boolean;
  /** Is each change heard at once? */
  isLive: boolean;
  /** Why the conversation could not be read; null once it was. */
  error: Error | null;
  /** The conversation, once it was read. */
  conversation: Conversation | null;
  refresh: () => Promise<void>;
}

/** Show the newest messages of a conversation, then each new and each changed one. */
export function useMessages(options: UseMessagesOptions): UseMessages {
  const { conversationId, limit = Infinity, revision, onError } = options;
  const { conversation, error: findError } = useConversation(conversationId, revision, onError);
  const { thread, messages, state, hasOlder, ...shown } = useThread(conversationId);
  const isRead = conversation !== null && state !== "loading";
  const readError = conversation && errorOfReading({ state, error: shown.error });
  useNews(options, isRead ? messages : null);

  const isRevised = useRef(revision);
  useEffect(() => {
    if (isRevised.current !== revision) thread?.retry();
    isRevised.current = revision;
  }, [thread, revision]);

  useEffect(() => {
    if (isRead && hasOlder && messages.length < limit) thread?.loadOlder().catch(() => {});
  }, [thread, isRead, hasOlder, limit, messages]);

  const latest = useLatest(onError);
  useEffect(() => {
    if (readError) latest.current(readError);
  }, [latest, readError]);

  const refresh = useCallback(async () => thread?.refresh(), [thread]);
  const error = findError ?? readError;
  const isLoading = conversationId !== null && !isRead && !error;
  return { messages, isLoading, isLive: state === "live", error, conversation, refresh };
}

interface Found {
  id: string | null;
  revision: string | undefined;
  conversation: Conversation | null;
  error: Error | null;
}

/** Open a conversation: without a request, if its row is at hand. */
function useConversation(
  id: string | null,
  revision: string | undefined,
  onError: (error: Error) => void,
): Pick<Found, "conversation" | "error"> {
  const { conversations, inbox } = useClient();
  const [found, setFound] = useState<Found | null>(null);
  const tell = (conversation: Conversation | null, error: Error | null) =>
    setFound({ id, revision, conversation, error });
  useScope(
    async (scope) => {
      if (!id) return;
      const row = inbox.latest(id);
      const conversation = row ? conversations.open(row) : await conversations.get(id);
      if (!scope.isOver) tell(conversation, null);
    },
    (failure) => {
      tell(null, failure);
      onError(failure);
    },
    [conversations, inbox, id, revision],
  );
  const isOurs = found?.id === id && found.revision === revision;
  return isOurs ? found : { conversation: null, error: null };
}

/** Tell each new message once, however often a conversation is read. */
function useNews(options: UseMessagesOptions, messages: readonly Message[] | null): void {
  const { conversationId: id, newAfter } = options;
  const latest = useLatest(options);
  // When it is first shown, and not when effects run: Preact's can be late, and what came meanwhile is new.
  const told = useRef<{ id: string | null; upTo: number }>({ id: null, upTo: 0 });
  if (messages && told.current.id !== id) {
    told.current = { id, upTo: newAfter ?? messages.at(-1)?.position ?? 0 };
  } else if (id === null) told.current = { id, upTo: 0 };
  useEffect(() => {
    for (const message of messages ?? []) {
      if (message.position <= told.current.upTo) continue;
      told.current.upTo = message.position;
      latest.current.onNewMessage?.(message);
    }
  }, [latest, messages]);
}
