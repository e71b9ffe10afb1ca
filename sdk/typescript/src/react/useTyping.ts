/** Who else looks at a conversation, and who types. */
import { useCallback, useRef, useState } from "react";

import type { Conversation } from "../conversation.js";
import type { Person, Self } from "../presence.js";
import { useClient } from "./provider.js";
import { useScope } from "./useScope.js";

export interface UseTyping {
  /** The others who are here. */
  people: Person[];
  /** Those of them who type. */
  typing: Person[];
  /** Call it at each key with true, and with false when the text was sent or given up. */
  setTyping: (isTyping: boolean) => void;
  error: Error | null;
}

/**
 * Be seen in a conversation, and see who else is there and types.
 *
 * @example
 * ```tsx
 * const { typing, setTyping } = useTyping(conversation.id, { role: "agent", name: "Ada" });
 * return <input onInput={() => setTyping(true)} placeholder={typing[0]?.name} />;
 * ```
 */
export function useTyping(conversationId: string | null | undefined, self: Self): UseTyping {
  const client = useClient();
  const [people, setPeople] = useState<Person[]>([]);
  const [error, setError] = useState<Error | null>(null);
  const current = useRef<Conversation | null>(null);
  const { role, name } = self;

  useScope(
    async (scope) => {
      setPeople([]);
      current.current = null;
      if (!conversationId) return setError(null);
      const conversation = client.conversations.open(conversationId);
      setError(null);
      current.current = conversation;
      await scope.read(conversation.presence.people({ role, name }), setPeople);
    },
    (failure) => {
      setPeople([]);
      setError(failure);
    },
    [client, conversationId, role, name],
  );

  const setTyping = useCallback((isTyping: boolean) => {
    void current.current?.presence.typing(isTyping);
  }, []);
  return { people, typing: people.filter((person) => person.isTyping), setTyping, error };
}
