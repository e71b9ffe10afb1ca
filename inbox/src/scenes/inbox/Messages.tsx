/** All of a conversation, however long: only what is on the screen is there, and nothing moves but by whoever reads. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

import { useStrings } from "../../strings";
import type { Item } from "./items";
import css from "./Messages.module.css";

/** What an item is high, about. */
const ITEM = 72;
const NEAR_TOP = 600;
const AT_END = 24;

interface Props {
  items: readonly Item[];
  /** The position of the message to begin at; else it begins at the first unread, or at the newest. */
  at?: number | null;
  render: (item: Item) => ReactNode;
  hasOlder: boolean;
  loadOlder: () => void;
  /** The newest was seen. */
  onSeen: () => void;
}

export function Messages({ items, at, render, hasOlder, loadOlder, onSeen }: Props) {
  const { conversation } = useStrings();
  const box = useRef<HTMLDivElement>(null);
  // Not before it is known: what is at the end counts as read.
  const [isAtEnd, setAtEnd] = useState(false);
  const [leftAt, setLeftAt] = useState<string | null>(null);
  /** Where it opened; null once the reader has gone elsewhere, undefined before. */
  const place = useRef<Place | null | undefined>(undefined);
  const staysAtEnd = useRef(false);
  const lastTop = useRef(0);
  /** Where it opens, about: what is there at first is what is going to be seen. */
  const [begin] = useState(() => (placeToOpen(items, at)?.index ?? items.length) * ITEM);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => box.current,
    estimateSize: () => ITEM,
    getItemKey: useCallback((index: number) => items[index]!.key, [items]),
    initialOffset: begin,
    initialRect: { width: 0, height: innerHeight },
    overscan: 6,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: AT_END,
    paddingStart: 48,
    paddingEnd: 16,
  });
  const shown = virtual.getVirtualItems();
  const last = items.at(-1)?.key ?? null;

  // Open where the reader left off, and stay there: older messages and notes may come above it meanwhile.
  useLayoutEffect(() => {
    if (items.length === 0 || place.current === null) return;
    const before = place.current;
    const now = before ? placeOf(before, items) : placeToOpen(items, at);
    place.current = now;
    if (now && now.index !== before?.index) virtual.scrollToIndex(now.index, { align: now.align });
    if (now || before) return;
    virtual.scrollToIndex(items.length - 1, { align: "end" });
    staysAtEnd.current = true;
  }, [items, virtual, at]);

  useEffect(() => {
    if (isAtEnd && last) onSeen();
  }, [isAtEnd, last, onSeen]);

  // Whoever reads the newest goes on reading it, whatever becomes longer or less high.
  useLayoutEffect(() => {
    if (staysAtEnd.current && !isEndOf(box.current!))
      box.current!.scrollTop = box.current!.scrollHeight;
    note();
  });

  function onScroll() {
    if (hasOlder && box.current!.scrollTop < NEAR_TOP) loadOlder();
    // Who scrolls up leaves the end; what only became higher below does not.
    const { scrollTop } = box.current!;
    staysAtEnd.current =
      isEndOf(box.current!) || (staysAtEnd.current && scrollTop >= lastTop.current);
    lastTop.current = scrollTop;
    note();
  }

  function note() {
    const isEnd = isEndOf(box.current!);
    if (isEnd === isAtEnd) return;
    setAtEnd(isEnd);
    setLeftAt(isEnd ? null : last);
  }

  function leavePlace() {
    place.current = null;
  }

  function toNewest() {
    leavePlace();
    staysAtEnd.current = true;
    box.current!.scrollTop = box.current!.scrollHeight;
  }

  const leftIndex = leftAt ? items.findLastIndex(({ key }) => key === leftAt) : -1;
  const news =
    leftIndex < 0 ? 0 : items.slice(leftIndex + 1).filter(({ kind }) => kind === "message").length;
  return (
    <div className={css["pane"]}>
      <div
        ref={box}
        id="messages"
        className={css["scroll"]}
        onScroll={onScroll}
        onWheel={leavePlace}
        onTouchMove={leavePlace}
        onPointerDown={leavePlace}
        onKeyDown={leavePlace}
        tabIndex={0}
        aria-label={conversation.label}
      >
        <div className={css["all"]} style={{ height: virtual.getTotalSize() }}>
          <p className={css["top"]}>{hasOlder ? conversation.older : conversation.begin}</p>
          {shown.map(({ index, key, start }) => (
            <div
              key={key}
              ref={virtual.measureElement}
              data-index={index}
              className={css["item"]}
              style={{ transform: `translateY(${start}px)` }}
            >
              {render(items[index]!)}
            </div>
          ))}
        </div>
      </div>
      {!isAtEnd && (
        <button type="button" className={css["newest"]} onClick={toNewest}>
          <ArrowDown size={14} aria-hidden="true" />
          {conversation.toNewest(news)}
        </button>
      )}
    </div>
  );
}

interface Place {
  key: string;
  index: number;
  align: "center" | "start";
}

/** Where to open: at the message of a position, or the next one; else at the first unread; null: at the newest. */
function placeToOpen(items: readonly Item[], at: number | null | undefined): Place | null {
  const found = at
    ? items.findIndex((item) => item.kind === "message" && item.message.position >= at)
    : -1;
  const index = found < 0 ? items.findIndex(({ kind }) => kind === "unread") : found;
  const align = found < 0 ? "start" : "center";
  return index < 0 ? null : { key: items[index]!.key, index, align };
}

/** The same place, wherever it is now. */
function placeOf({ key, align }: Place, items: readonly Item[]): Place | null {
  const index = items.findIndex((item) => item.key === key);
  return index < 0 ? null : { key, index, align };
}

function isEndOf({ scrollTop, scrollHeight, clientHeight }: HTMLElement): boolean {
  return scrollHeight - clientHeight - scrollTop <= AT_END;
}

/** A line across, with a word in it. */
export function Line({ text, isAlert = false }: { text: string; isAlert?: boolean }) {
  return (
    <p className={`${css["line"]} ${isAlert ? css["isAlert"] : ""}`}>
      <span>{text}</span>
    </p>
  );
}
