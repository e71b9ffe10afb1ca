/** The conversation of a customer's window: the given one, or one that is opened when it is needed. */
import { useCallback, useRef, useState } from "react";

import type { Conversation } from "../conversation.js";
import { NotFound } from "../errors.js";
import type { Message } from "../models.js";
import { inTime } from "../pause.js";
import { useRomashka } from "./provider.js";
import { useMessages, type UseMessages } from "./useMessages.js";
import { useLatest } from "./useScope.js";

export interface UseChatConversationOptions {
  /** Which conversation; it need not be there. */
  given: string | null;
  /** How the team knows the customer. */
  identifier: string;
  onNewMessage: (message: Message) => void;
  onError: (error: Error) => void;
}

export interface UseChatConversation extends UseMessages {
  id: string | null;
  /** There is no conversation yet: the project says so. */
  isMissing: boolean;
  /** Return the conversation; open one, if there is none. */
  open: () => Promise<Conversation>;
  /** Return the one that the customer has open, or a new one. */
  start: () => Promise<Conversation>;
  /** Show no conversation. */
  leave: () => void;
}

/** What took the given conversation's place. */
interface Chosen {
  instead: string | null;
  id: string | null;
  /** How many messages it had then: what is after them is new. */
  position: number;
  revision: number;
}

/** Follow a conversation that may have to be opened first. */
export function useChatConversation(options: UseChatConversationOptions): UseChatConversation {
  const { given, identifier, onNewMessage, onError } = options;
  const client = useRomashka();
  const [last, setChosen] = useState<Chosen | null>(null);
  const chosen = last?.instead === given ? last : null;
  const id = chosen ? chosen.id : given;
  const read = useMessages({
    conversationId: id,
    revision: `${identifier} ${chosen?.revision ?? 0}`, // somebody else may have signed in
    newAfter: chosen?.position,
    onNewMessage,
    onError: (error) => error instanceof NotFound || onError(error),
  });
  const latest = useLatest({ given, identifier, id, conversation: read.conversation });
  const opening = useRef<Promise<Conversation> | null>(null);

  const choose = useCallback(
    (id: string | null, position = 0) =>
      setChosen((before) => {
        const revision = (before?.revision ?? 0) + 1;
        return { instead: latest.current.given, id, position, revision };
      }),
    [latest],
  );

  const start = useCallback(async () => {
    const { identifier } = latest.current;
    const opened = await inTime(() => client.conversations.create(identifier));
    choose(opened.id, opened.row.message_count);
    return opened;
  }, [choose, client, latest]);

  const find = useCallback(async () => {
    const { id, conversation } = latest.current;
    if (conversation?.id === id) return conversation;
    const found = id && (await inTime(() => client.conversations.get(id).catch(nullIfMissing)));
    if (!found) return start();
    choose(found.id, found.row.message_count);
    return found;
  }, [choose, client, latest, start]);

  const open = useCallback(() => {
    opening.current ??= find().finally(() => (opening.current = null));
    return opening.current;
  }, [find]);

  const leave = useCallback(() => choose(null), [choose]);
  return { ...read, id, isMissing: read.error instanceof NotFound, open, start, leave };
}

function nullIfMissing(error: unknown): null {
  if (error instanceof NotFound) return null;
  throw error;
}
