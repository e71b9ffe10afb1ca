/** `/` in a reply: what the team has saved, found as one types, and filled in where it stood. */
import type { ReplyValues, SavedReply } from "romashka";
import { renderSavedReply } from "romashka";
import { type KeyboardEvent, type RefObject, useEffect, useId, useState } from "react";

import { languageName } from "../../languages";
import { search, useSavedReplies } from "../../savedReplies";
import { useSpoken } from "../../strings";
import css from "./Slash.module.css";

/** What a reply is filled in with, and in which language it is wanted. */
export interface Filling {
  values: ReplyValues;
  language: string | null;
}

interface Options {
  field: RefObject<HTMLTextAreaElement | null>;
  text: string;
  write: (text: string) => void;
  filling: Filling;
}

export interface Slash {
  found: readonly SavedReply[];
  /** Is something asked for? */
  isOpen: boolean;
  isLoading: boolean;
  at: number;
  list: string;
  /** The caret moved, or the text changed. */
  look: () => void;
  setAt: (at: number) => void;
  choose: (reply: SavedReply) => void;
  /** Returns whether it took the key for itself. */
  onKeyDown: (event: KeyboardEvent) => boolean;
  /** Begin to look. */
  begin: () => void;
  close: () => void;
}

export function useSlash({ field, text, write, filling }: Options): Slash {
  const [asked, setAsked] = useState<{ from: number; to: number; query: string } | null>(null);
  const [at, setAt] = useState(0);
  const list = useId();
  const all = useSavedReplies(asked !== null);
  const found = asked && all ? search(all, asked.query, filling.language) : [];
  const chosen = Math.max(0, Math.min(at, found.length - 1));

  function look() {
    const { value = "", selectionStart: to = 0, selectionEnd } = field.current ?? {};
    const typed = to === selectionEnd && /(?:^|\s)\/([^\s/]{0,40})$/.exec(value.slice(0, to ?? 0));
    if (!typed) return setAsked(null);
    const query = typed[1]!;
    if (query !== asked?.query) setAt(0);
    setAsked({ from: to! - query.length - 1, to: to!, query });
  }

  function choose(reply: SavedReply) {
    if (!asked) return;
    const { text: filled } = renderSavedReply(reply.content, filling.values);
    write(text.slice(0, asked.from) + filled + text.slice(asked.to));
    setAsked(null);
    // What is not known is the first thing to be typed.
    const gap = /\{\{[^}]*\}\}/.exec(filled);
    const from = asked.from + (gap ? gap.index : filled.length);
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(from, from + (gap ? gap[0].length : 0));
    });
  }

  function onKeyDown(event: KeyboardEvent): boolean {
    if (!asked || event.nativeEvent.isComposing || event.keyCode === 229) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const reply = found[chosen];
    if (event.key === "Escape") setAsked(null);
    else if (step && found.length > 0) setAt((chosen + step + found.length) % found.length);
    else if ((event.key === "Enter" || event.key === "Tab") && reply && !event.shiftKey)
      choose(reply);
    else return false;
    event.preventDefault();
    return true;
  }

  function begin() {
    const { selectionStart, selectionEnd } = field.current!;
    const before = text.slice(0, selectionStart);
    const slash = /\S$/.test(before) ? " /" : "/";
    write(before + slash + text.slice(selectionEnd));
    const to = selectionStart + slash.length;
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(to, to);
      setAsked({ from: to - 1, to, query: "" });
    });
  }

  return {
    found,
    isOpen: asked !== null && (all === null || found.length > 0 || asked.query === ""),
    isLoading: all === null,
    at: chosen,
    list,
    look,
    setAt,
    choose,
    onKeyDown,
    begin,
    close: () => setAsked(null),
  };
}

/** The saved replies above the field. */
export function SlashList({ slash, onManage }: { slash: Slash; onManage: () => void }) {
  const { strings, locale } = useSpoken();
  const { replies: words } = strings;
  const { found, at, list, choose, setAt } = slash;
  useEffect(() => {
    document.getElementById(`${list}-${at}`)?.scrollIntoView({ block: "nearest" });
  }, [list, at]);
  return (
    <div className={css["slash"]}>
      <ul id={list} role="listbox" aria-label={words.title}>
        {found.map((reply, index) => (
          <li
            key={reply.id}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerMove={() => setAt(index)}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(reply)}
          >
            <span className={css["head"]}>
              <bdi className={css["shortcut"]}>/{reply.shortcut}</bdi>
              {reply.title !== reply.shortcut && <bdi>{reply.title}</bdi>}
              {reply.language && (
                <span className={css["language"]}>{languageName(reply.language, locale)}</span>
              )}
            </span>
            <span className={css["text"]} dir="auto">
              {reply.content}
            </span>
          </li>
        ))}
      </ul>
      <div className={css["foot"]}>
        <span role="status">
          {slash.isLoading ? strings.loading : found.length === 0 ? words.none : words.hint}
        </span>
        <button type="button" onPointerDown={(event) => event.preventDefault()} onClick={onManage}>
          {words.manage}
        </button>
      </div>
    </div>
  );
}
