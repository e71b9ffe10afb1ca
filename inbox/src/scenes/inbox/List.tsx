/** The rows of a view: as many as fit are there, and what is new waits while somebody points at them. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowUp } from "lucide-react";
import type { ConversationRow, ExcerptPart } from "romashka";
import {
  type KeyboardEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";

import { nameOf, type Team } from "../../people";
import { useStrings } from "../../strings";
import { useNow } from "../../time";
import { Pick } from "./Bulk";
import { Excerpt } from "./Excerpt";
import css from "./List.module.css";
import { Row } from "./Row";
import type { Picking } from "./usePicking";
import { useSteadyRows } from "./useSteadyRows";

const ROW = 84;

interface Props {
  rows: readonly ConversationRow[];
  hasMore: boolean;
  loadMore: () => void;
  hrefOf: (id: string) => string;
  openId: string | null;
  /** Where a search found each of them. */
  excerpts?: ReadonlyMap<string, readonly ExcerptPart[]>;
  team: Team;
  /** Who else looks at them. */
  looking?: ReadonlyMap<string, string>;
  picking?: Picking;
  /** Where it was scrolled to, the last time it was shown. */
  offset?: number | undefined;
  onScroll?: (offset: number) => void;
  /** Which are shown, in their order. */
  onShown?: (rows: readonly ConversationRow[]) => void;
}

export function List(props: Props) {
  const {
    rows: live,
    hasMore,
    loadMore,
    hrefOf,
    openId,
    excerpts,
    team,
    onScroll,
    onShown,
    picking,
  } = props;
  const strings = useStrings();
  const { list } = strings;
  const now = useNow();
  const box = useRef<HTMLDivElement>(null);
  const [isPointedAt, setPointedAt] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const [isScrolled, setScrolled] = useState(false);
  const { rows, news, release } = useSteadyRows(live, isPointedAt || isFocused || isScrolled);
  const [currentId, setCurrentId] = useState(openId);
  const currently = currentId ?? openId;
  const found = useMemo(() => rows.findIndex(({ id }) => id === currently), [rows, currently]);
  const current = found < 0 ? 0 : found;
  const wanted = useRef<string | null>(null);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    getItemKey: useCallback((index: number) => rows[index]!.id, [rows]),
    overscan: 4,
    initialOffset: props.offset ?? 0,
    // The one that has the focus stays, wherever the list is scrolled to.
    rangeExtractor: ({ startIndex, endIndex, overscan, count }) => {
      const first = Math.max(0, startIndex - overscan);
      const last = Math.min(count - 1, endIndex + overscan);
      const shown = Array.from({ length: last - first + 1 }, (_, at) => first + at);
      if (current < first) shown.unshift(current);
      if (current > last && current < count) shown.push(current);
      return shown;
    },
  });
  const shown = virtual.getVirtualItems();
  const end = shown.findLast(({ index }) => index !== current)?.index ?? 0;

  useEffect(() => onShown?.(rows), [rows, onShown]);
  useEffect(() => {
    if (hasMore && end >= rows.length - 10) loadMore();
  }, [hasMore, end, rows.length, loadMore]);
  useEffect(() => setCurrentId(openId), [openId]);
  useLayoutEffect(() => {
    const id = wanted.current;
    const row = id && document.getElementById(`row-${id}`);
    if (!row) return;
    wanted.current = null;
    row.focus({ preventScroll: true });
  });

  function move(to: number) {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[index];
    if (!row) return;
    wanted.current = row.id;
    setCurrentId(row.id);
    virtual.scrollToIndex(index);
  }

  function onKeyDown(event: KeyboardEvent) {
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? ROW) / ROW) - 1);
    const steps: Record<string, number> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + page,
      PageUp: current - page,
      Home: 0,
      End: rows.length - 1,
    };
    if (event.key === " " && event.target instanceof HTMLAnchorElement) {
      event.preventDefault();
      return picking?.toggle(rows[current]!.id);
    }
    const to = steps[event.key];
    if (to === undefined || event.metaKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    if (event.shiftKey && picking) {
      if (picking.picked.size === 0) picking.toggle(rows[current]!.id);
      const next = rows[Math.max(0, Math.min(rows.length - 1, to))];
      if (next) picking.toggle(next.id, true);
    }
    move(to);
  }

  function showNews() {
    release();
    box.current?.scrollTo({ top: 0 });
    setScrolled(false);
  }

  return (
    <div className={css["list"]}>
      {news > 0 && (
        <button type="button" className={css["news"]} onClick={showNews}>
          <ArrowUp size={14} aria-hidden="true" />
          {list.news(news)}
        </button>
      )}
      <div
        ref={box}
        className={css["scroll"]}
        onScroll={({ currentTarget: { scrollTop } }) => {
          setScrolled(scrollTop > ROW / 2);
          onScroll?.(scrollTop);
        }}
        onPointerEnter={({ pointerType }) => setPointedAt(pointerType === "mouse")}
        onPointerLeave={() => setPointedAt(false)}
        onFocus={({ target }) => setFocused(target.matches(":focus-visible"))}
        onBlur={() => setFocused(false)}
        onKeyDown={onKeyDown}
      >
        <ul aria-label={list.label} style={{ height: virtual.getTotalSize() }}>
          {shown.map(({ index, key, start }) => {
            const row = rows[index]!;
            return (
              <li
                key={key}
                className={picking?.picked.has(row.id) ? css["isPicked"] : undefined}
                aria-setsize={hasMore ? -1 : rows.length}
                aria-posinset={index + 1}
                style={{ transform: `translateY(${start}px)` }}
              >
                <Row
                  row={row}
                  href={hrefOf(row.id)}
                  isOpen={row.id === openId}
                  isCurrent={index === current}
                  excerpt={excerpts?.has(row.id) && <Excerpt parts={excerpts.get(row.id)!} />}
                  team={team}
                  looking={props.looking?.get(row.id)}
                  now={now}
                />
                {picking && (
                  <Pick
                    name={nameOf(row, strings)}
                    isPicked={picking.picked.has(row.id)}
                    onPick={(isRange) => picking.toggle(row.id, isRange)}
                  />
                )}
              </li>
            );
          })}
        </ul>
      </div>
    </div>
  );
}
