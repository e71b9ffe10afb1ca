/** Who else is in a conversation, as the original's chat window shows it. */
import { useCallback, useEffect, useMemo, useRef } from "react";

import {
  type ChatParticipant,
  chatParticipant,
  type TypingIndicator,
  typingIndicator,
} from "../chat.js";
import type { Conversation } from "../../conversation.js";
import { useReplyStream } from "../../react/useReplyStream.js";
import { useLatest } from "../../react/useScope.js";
import { useTyping } from "../../react/useTyping.js";

export interface UseOthersOptions {
  conversation: Conversation | null;
  onParticipants: ((participants: ChatParticipant[]) => void) | undefined;
  onTyping: ((typing: TypingIndicator[]) => void) | undefined;
}

/** Who else is here, and who writes. */
export function useOthers({ conversation, onParticipants, onTyping }: UseOthersOptions) {
  const id = conversation?.id ?? "";
  const name = conversation?.row.customer_name ?? conversation?.row.user_name ?? "";
  const { people, typing, setTyping } = useTyping(id, { role: "customer", name });
  const { isReplying } = useReplyStream(id);
  const writers = [...typing.map(({ key }) => key), ...(isReplying ? ["ai_agent"] : [])];

  const participants = useSame(
    people.map(chatParticipant),
    JSON.stringify(people.map(({ key, role, name }) => [key, role, name])),
  );
  const typingIndicators = useSame(
    writers.map((key) => typingIndicator(key, id)),
    JSON.stringify(writers.map((key) => [key, id])),
  );
  useChange(participants, onParticipants);
  useChange(typingIndicators, onTyping);
  return {
    participants,
    onlineParticipants: participants,
    typingIndicators,
    isAnyoneTyping: typingIndicators.length > 0,
    setTyping: useCallback(async (isTyping: boolean) => setTyping(isTyping), [setTyping]),
  };
}

/** Return the value of the render in which the key became what it is. */
function useSame<Value>(value: Value, key: string): Value {
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the key says all that matters of the value
  return useMemo(() => value, [key]);
}

/** Tell each value but the first. */
function useChange<Value>(value: Value, onChange: ((value: Value) => void) | undefined): void {
  const told = useRef(value);
  const latest = useLatest(onChange);
  useEffect(() => {
    if (told.current === value) return;
    told.current = value;
    latest.current?.(value);
  }, [latest, value]);
}
