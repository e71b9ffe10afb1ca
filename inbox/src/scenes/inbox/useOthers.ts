/** Who else is at a conversation: the team among themselves, and the customer. */
import type { Colleague } from "romashka";
import { useClient, useStore, useTyping } from "romashka/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import type { Me } from "../../session/session";

/** Who passes by sooner is not announced to the customer. */
const STAYS_MS = 400;

/** Names of colleagues by the conversation that they look at, and by the one that they write in. */
export interface Colleagues {
  looking: ReadonlyMap<string, string>;
  writing: ReadonlyMap<string, string>;
}

/** Be seen by the team where one looks; return where the others look, and what they write. */
export function useColleagues(me: Me, openId: string | null): Colleagues {
  const { colleagues } = useClient().inbox;
  const { people } = useStore(colleagues);
  useEffect(() => colleagues.look(me.name, openId), [colleagues, me.name, openId]);
  return useMemo(
    () => ({
      looking: byConversation(people, ({ looksAt }) => looksAt),
      writing: byConversation(people, ({ writes }) =>
        Object.keys(writes).filter((id) => writes[id] === "reply"),
      ),
    }),
    [people],
  );
}

export interface Typing {
  /** Is the customer here, do they type? */
  isCustomerHere: boolean;
  isCustomerTyping: boolean;
  /** Tell that a reply is typed, or no more. Of a note, nobody is told. */
  tell: (isTyping: boolean) => void;
}

/** Be seen by the customer of a conversation, by first name; see them, and tell that one types. */
export function useCustomerTyping(conversationId: string, me: Me): Typing {
  const { colleagues } = useClient().inbox;
  const staysAt = useStaying(conversationId);
  const { people, setTyping } = useTyping(staysAt, { role: "agent", name: publicName(me) });
  const wasTold = useRef(false);
  const tell = useCallback(
    (isTyping: boolean) => {
      if (!isTyping && !wasTold.current) return;
      wasTold.current = isTyping;
      setTyping(isTyping);
      void colleagues.typing(conversationId, isTyping ? "reply" : null).catch(() => {});
    },
    [colleagues, conversationId, setTyping],
  );
  useEffect(() => () => tell(false), [tell]);
  const customers = people.filter(({ role }) => role === "customer");
  return {
    isCustomerHere: customers.length > 0,
    isCustomerTyping: customers.some(({ isTyping }) => isTyping),
    tell,
  };
}

/** Where somebody is, once they have been there for a moment. */
function useStaying(id: string): string | null {
  const [staysAt, setStaysAt] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setStaysAt(id), STAYS_MS);
    return () => clearTimeout(timer);
  }, [id]);
  return staysAt === id ? id : null;
}

/** No surname, and no address: customers hear it. */
function publicName({ name }: Me): string {
  return name.includes("@") ? "" : name.trim().split(/\s+/)[0]!;
}

function byConversation(
  people: readonly Colleague[],
  placesOf: (person: Colleague) => readonly string[],
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const person of people) {
    for (const id of new Set(placesOf(person))) {
      names.set(id, [names.get(id), person.name].filter(Boolean).join(", "));
    }
  }
  return names;
}
