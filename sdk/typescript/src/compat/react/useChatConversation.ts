/** The conversation of a customer's window: the given one, or one that is opened when it is needed. */
import { useCallback, useRef, useState } from "react";

import type { Conversation } from "../../conversation.js";
import { NotFound } from "../../errors.js";
import type { Message } from "../../models.js";
import { inTime } from "../../pause.js";
import { useRomashka } from "../../react/provider.js";
import { useMessages, type UseMessages } from "./useMessages.js";
import { useLatest } from "../../react/useScope.js";

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

/** Who asks for the same conversation meanwhile gets the same. */
interface Opening {
  id: string | null;
  promise: Promise<Conversation>;
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
  const opening = useRef<Opening | null>(null);

  // What is opened late takes the place of what was given then: the window may show another by now.
  const choose = useCallback(
    (instead: string | null, id: string | null, position = 0) =>
      setChosen((before) => ({ instead, id, position, revision: (before?.revision ?? 0) + 1 })),
    [],
  );

  const create = useCallback(
    async (instead: string | null, identifier: string) => {
      const opened = await inTime(() => client.conversations.create(identifier));
      choose(instead, opened.id, opened.row.message_count);
      return opened;
    },
    [choose, client],
  );

  const start = useCallback(
    () => create(latest.current.given, latest.current.identifier),
    [create, latest],
  );

  const find = useCallback(async () => {
    const { given, identifier, id, conversation } = latest.current;
    if (conversation && conversation.id === id) return conversation;
    const found = id && (await inTime(() => client.conversations.get(id).catch(nullIfMissing)));
    if (!found) return create(given, identifier);
    choose(given, found.id, found.row.message_count);
    return found;
  }, [choose, client, create, latest]);

  const open = useCallback(() => {
    const { id } = latest.current;
    if (opening.current?.id !== id || !opening.current) {
      const begun: Opening = { id, promise: find() };
      const forget = () => {
        if (opening.current === begun) opening.current = null;
      };
      begun.promise.then(forget, forget);
      opening.current = begun;
    }
    return opening.current.promise;
  }, [find, latest]);

  const leave = useCallback(() => choose(latest.current.given, null), [choose, latest]);
  return { ...read, id, isMissing: read.error instanceof NotFound, open, start, leave };
}

function nullIfMissing(error: unknown): null {
  if (error instanceof NotFound) return null;
  throw error;
}
