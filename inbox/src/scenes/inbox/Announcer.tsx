/** What a screen reader hears of the open conversation: each new message once, and that the AI writes; nothing else. */
import type { Message } from "romashka";
import { useEffect, useRef, useState } from "react";

import type { Team } from "../../people";
import { useStrings } from "../../strings";
import { authorOf } from "./Message";

const KEPT = 5;

interface Props {
  conversationId: string;
  messages: readonly Message[];
  isDrafting: boolean;
  customer: string;
  team: Team;
}

export function Announcer({ conversationId, messages, isDrafting, customer, team }: Props) {
  const strings = useStrings();
  const [said, setSaid] = useState<{ key: string; text: string }[]>([]);
  /** Up to here nothing is said: it was there when the conversation was opened. */
  const heard = useRef<{ id: string; position: number } | null>(null);
  const newest = messages.at(-1)?.position ?? 0;

  useEffect(() => {
    if (newest === 0) return;
    if (heard.current?.id !== conversationId) {
      heard.current = { id: conversationId, position: newest };
      return setSaid([]);
    }
    const { position } = heard.current;
    const fresh = messages.filter((message) => message.position > position);
    if (fresh.length === 0) return;
    heard.current = { id: conversationId, position: newest };
    const lines = fresh.map((message) => ({
      key: message.id,
      text: strings.announce.message(authorOf(message, customer, team, strings), message.content),
    }));
    setSaid((before) => [...before, ...lines].slice(-KEPT));
  }, [conversationId, messages, newest, customer, team, strings]);

  return (
    <>
      <div className="heard" role="log" aria-label={strings.conversation.label}>
        {said.map(({ key, text }) => (
          <p key={key}>{text}</p>
        ))}
      </div>
      <p className="heard" role="status">
        {isDrafting ? strings.ai.writing : ""}
      </p>
    </>
  );
}
