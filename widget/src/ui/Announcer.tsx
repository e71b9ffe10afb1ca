/** What a screen reader hears: each new message once, and that somebody writes; nothing else. */
import type { Message } from "romashka";
import { useEffect, useRef, useState } from "preact/hooks";

import { useSpeech } from "../strings";
import { saidOf } from "./words";

const KEPT = 5;

interface Props {
  conversationId: string | null;
  messages: readonly Message[];
  /** Who writes now, in words. */
  writing: string;
}

export function Announcer({ conversationId, messages, writing }: Props) {
  const { strings } = useSpeech();
  const [said, setSaid] = useState<{ id: string; text: string }[]>([]);
  /** Up to here nothing is said: it was there when the conversation was opened. */
  const heard = useRef<{ id: string | null; position: number } | null>(null);
  const newest = messages.at(-1)?.position ?? 0;

  useEffect(() => {
    if (heard.current?.id !== conversationId) {
      // The first conversation begins here: all that is said in it is new.
      const isBegun = heard.current?.id === null && messages[0]?.position === 1 && newest < 3;
      if (conversationId !== null && newest === 0) return;
      heard.current = { id: conversationId, position: isBegun ? 0 : newest };
      if (!isBegun) return setSaid([]);
    }
    const { position } = heard.current!;
    const fresh = messages.filter(
      (each) => each.position > position && each.sender_type !== "user",
    );
    heard.current!.position = newest;
    if (fresh.length === 0) return;
    const lines = fresh.map((message) => ({ id: message.id, text: saidOf(message, strings) }));
    setSaid((before) => [...before, ...lines].slice(-KEPT));
  }, [conversationId, newest]);

  return (
    <>
      <div class="heard" role="log" aria-label={strings.title}>
        {said.map(({ id, text }) => (
          <p key={id}>{text}</p>
        ))}
      </div>
      <p class="heard" role="status">
        {writing}
      </p>
    </>
  );
}
