/** The conversation: what was said, what is on its way, and what is being written. */
import type { Message } from "romashka";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Leaving } from "../chat/departures";
import { useSpeech } from "../strings";
import { Bubble, Dots, LeavingBubble, Who } from "./Bubble";
import { Text } from "./Text";
import type { ShownDraft } from "./useDraft";
import { dayKey, dayOf } from "./words";

const AT_END = 40;

interface Props {
  messages: readonly Message[];
  outgoing: readonly Leaving[];
  draft: ShownDraft | null;
  /** Somebody of the team types. */
  isTyped: boolean;
  greeting: string | null;
  urls: ReadonlyMap<string, string>;
  hasOlder: boolean;
  isLoading: boolean;
  isOffline: boolean;
  loadOlder: () => void;
  onChoose: (question: Message, number: number) => void;
  onRetry: (id: string) => void;
  onDiscard: (id: string) => void;
  /** The newest was seen. */
  onSeen: () => void;
}

export function Messages(props: Props) {
  const { messages, outgoing, draft, isTyped, greeting, urls, hasOlder, isLoading } = props;
  const spoken = useSpeech();
  const { strings } = spoken;
  const box = useRef<HTMLDivElement>(null);
  const staysAtEnd = useRef(true);
  const anchor = useRef<{ item: HTMLElement; top: number } | null>(null);
  const [isAtEnd, setAtEnd] = useState(true);

  // Who reads the newest goes on reading it; who reads what was said before is not moved.
  useLayoutEffect(() => {
    const pane = box.current!;
    if (staysAtEnd.current) pane.scrollTop = pane.scrollHeight;
    else if (anchor.current?.item.isConnected)
      pane.scrollTop += anchor.current.item.offsetTop - anchor.current.top;
    note();
    if (staysAtEnd.current && messages.length > 0) props.onSeen();
  });

  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      const pane = box.current;
      if (pane && staysAtEnd.current) pane.scrollTop = pane.scrollHeight;
    });
    observer.observe(box.current!); // a keyboard came, a picture was loaded
    observer.observe(box.current!.firstElementChild!);
    return () => observer.disconnect();
  }, []);

  function note(): void {
    const pane = box.current!;
    const items = [...pane.querySelectorAll<HTMLElement>("li[data-id]")];
    const item = items.find(
      ({ offsetTop, offsetHeight }) => offsetTop + offsetHeight > pane.scrollTop,
    );
    anchor.current = item ? { item, top: item.offsetTop } : null;
  }

  function onScroll(): void {
    const pane = box.current!;
    staysAtEnd.current = pane.scrollHeight - pane.clientHeight - pane.scrollTop <= AT_END;
    if (staysAtEnd.current !== isAtEnd) setAtEnd(staysAtEnd.current);
    if (hasOlder && pane.scrollTop < 200) props.loadOlder();
    note();
  }

  function toEnd(): void {
    staysAtEnd.current = true;
    setAtEnd(true);
    box.current!.scrollTop = box.current!.scrollHeight;
  }

  const lastMine = messages.findLast(({ sender_type }) => sender_type === "user")?.id;
  const newest = messages.at(-1);
  const items: ComponentChildren[] = [];
  let before: Message | null = null;
  for (const message of messages) {
    const isNewDay: boolean = !before || dayKey(before.created_at) !== dayKey(message.created_at);
    if (isNewDay)
      items.push(
        <li key={`day:${message.id}`} class="day">
          {dayOf(message.created_at, spoken)}
        </li>,
      );
    const isJoined: boolean = !isNewDay && before?.sender_type === message.sender_type;
    const side = message.sender_type === "user" ? "mine" : message.sender_type;
    items.push(
      <li key={keyOf(message)} data-id={message.id} class={`${side} ${isJoined ? "joined" : ""}`}>
        <Bubble
          message={message}
          url={urls.get(message.media_url ?? "")}
          isJoined={isJoined}
          isLast={message.id === lastMine && outgoing.length === 0}
          onChoose={
            message === newest && outgoing.length === 0
              ? (number) => props.onChoose(message, number)
              : null
          }
        />
      </li>,
    );
    before = message;
  }
  // In the same list: what is stored, or written to its end, stays the same element.
  for (const message of outgoing)
    items.push(
      <li key={message.id} class="mine">
        <LeavingBubble
          message={message}
          isOffline={props.isOffline}
          onRetry={() => props.onRetry(message.id)}
          onDiscard={() => props.onDiscard(message.id)}
        />
      </li>,
    );
  if (draft)
    items.push(
      <li key={`turn:${draft.turnId}`} class="ai" aria-hidden="true">
        <Who sender="ai" />
        <div
          class={`bubble ${draft.isRetracted ? "retracted" : draft.text ? "growing" : ""}`}
          dir="auto"
        >
          {draft.text ? <Text text={draft.text} /> : <Dots />}
        </div>
      </li>,
    );
  if (isTyped)
    items.push(
      <li key="typed" aria-hidden="true">
        <Who sender="agent" />
        <div class="bubble">
          <Dots />
        </div>
      </li>,
    );

  return (
    <div class="pane">
      <div
        ref={box}
        class="messages"
        role="group"
        tabIndex={0}
        aria-label={strings.title}
        onScroll={onScroll}
      >
        <ol>
          {isLoading && (
            <li key="wait" role="status">
              <span class="heard">{strings.loading}</span>
              {[1, 2, 3, 4].map((each) => (
                <span key={each} class="wait" aria-hidden="true" />
              ))}
            </li>
          )}
          {hasOlder && (
            <li key="older">
              <button type="button" class="pill" onClick={props.loadOlder}>
                {strings.older}
              </button>
            </li>
          )}
          {greeting !== null && !hasOlder && !isLoading && (
            <li key="greeting">
              <div class="bubble" dir="auto">
                <Text text={greeting} />
              </div>
            </li>
          )}
          {items}
        </ol>
      </div>
      {!isAtEnd && (
        <button type="button" class="newest" onClick={toEnd}>
          {strings.newest}
        </button>
      )}
    </div>
  );
}

/** A reply takes the place of its draft. */
const keyOf = ({ id, turn_id, sender_type }: Message): string =>
  sender_type === "ai" && turn_id ? `turn:${turn_id}` : id;
