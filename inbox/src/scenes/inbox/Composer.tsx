/** Where a reply is written; what is written stays until it is stored. */
import { Lock, Reply, SendHorizontal, SquareSlash } from "lucide-react";
import { REPLY_VARIABLES } from "romashka";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";

import { MOD } from "../../actions/keys";
import { draftKey, type Mode, useDraft, useRival } from "../../drafts";
import { useTray } from "../../files";
import { Button } from "../../parts/Button";
import { change, useSettings } from "../../settings";
import { useSpoken, useStrings } from "../../strings";
import { clock } from "../../time";
import css from "./Composer.module.css";
import { type Filling, SlashList, useSlash } from "./Slash";
import { Attach, Tray, useDropping } from "./Tray";

/** Somebody who answered while a reply was being written. */
export interface Answered {
  name: string;
  text: string;
}

interface Props {
  conversationId: string;
  customer: string;
  hint: string | null;
  /** Who answered since the position, if somebody did. */
  answeredSince: (position: number) => Answered | null;
  newest: number;
  onSend: (text: string) => void;
  filling: Filling;
  onSavedReplies: () => void;
  /** Said while a reply is typed, and never of a note. */
  onTyping: (isTyping: boolean) => void;
  /** Keep a note; was it kept? */
  onNote: (text: string) => Promise<boolean>;
}

export function Composer(props: Props) {
  const { conversationId, customer, hint, answeredSince, newest, onSend, onNote } = props;
  const { filling, onSavedReplies, onTyping } = props;
  const { composer, replies, files } = useStrings();
  const { enterSends } = useSettings();
  const [mode, setMode] = useMode();
  const key = draftKey(conversationId, mode);
  const [text, setText] = useDraft(key);
  const isNote = mode === "note";
  const [answered, setAnswered] = useState<Answered | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  /** The newest message when the reply was begun. */
  const begunAt = useRef<number | null>(null);
  const isBlank = text.trim() === "";
  const tray = useTray(conversationId);
  const { isOver, dropping, onPaste } = useDropping(conversationId, isNote);
  const isEmpty = isBlank && (isNote || tray.length === 0);
  const slash = useSlash({ field, text, write, filling });
  const [gaps, setGaps] = useState<string[]>([]);

  useEffect(() => void (isNote && onTyping(false)), [isNote, onTyping]);

  function write(next: string) {
    if (isBlank || begunAt.current === null) begunAt.current = newest;
    if (!isNote) onTyping(next.trim() !== "");
    setText(next);
  }

  function send() {
    if (isEmpty) return;
    if (isNote) return void keep();
    const other = answeredSince(begunAt.current ?? newest);
    if (other) {
      begunAt.current = newest; // it is asked once
      return setAnswered(other);
    }
    const unfilled = isNote ? [] : gapsIn(text);
    if (unfilled.length > 0 && gaps.length === 0) return setGaps(unfilled);
    sendAnyway();
  }

  async function keep() {
    if (await onNote(text.trim())) setText("");
    field.current?.focus();
  }

  function sendAnyway() {
    onTyping(false);
    onSend(text.trim());
    setText("");
    setAnswered(null);
    setGaps([]);
    begunAt.current = null;
    field.current?.focus();
  }

  function keepWriting() {
    setAnswered(null);
    setGaps([]);
    field.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (slash.onKeyDown(event)) return;
    // Out of the field, single keys are actions again.
    if (event.key === "Escape" && !event.nativeEvent.isComposing) {
      document.getElementById("messages")?.focus();
    }
    // An input method takes Enter for itself.
    if (event.key !== "Enter" || event.nativeEvent.isComposing || event.keyCode === 229) return;
    const isMod = event.metaKey || event.ctrlKey;
    if (event.shiftKey || event.altKey || (!isMod && !enterSends)) return;
    event.preventDefault();
    send();
  }

  return (
    <form
      className={`${css["composer"]} ${isNote ? css["isNote"] : ""} ${isOver ? css["isOver"] : ""}`}
      {...dropping}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {answered && (
        <Question
          asked={composer.answered(answered.name)}
          quoted={answered.text}
          yes={composer.sendAnyway}
          onYes={sendAnyway}
          no={composer.keepWriting}
          onNo={keepWriting}
        />
      )}
      {!answered && gaps.length > 0 && (
        <Question
          asked={replies.missing(gaps.join(", "))}
          quoted={text}
          yes={composer.sendAnyway}
          onYes={sendAnyway}
          no={composer.keepWriting}
          onNo={keepWriting}
        />
      )}
      <Elsewhere draft={key} />
      <div className={css["modes"]} role="radiogroup" aria-label={composer.mode}>
        <label>
          <input type="radio" name="mode" checked={!isNote} onChange={() => setMode("reply")} />
          <Reply size={14} aria-hidden="true" />
          {composer.label}
        </label>
        <label>
          <input type="radio" name="mode" checked={isNote} onChange={() => setMode("note")} />
          <Lock size={13} aria-hidden="true" />
          {composer.note}
        </label>
      </div>
      {slash.isOpen && <SlashList slash={slash} onManage={onSavedReplies} />}
      <textarea
        ref={field}
        id="composer"
        aria-label={isNote ? composer.note : composer.label}
        placeholder={isNote ? composer.notePlaceholder : composer.placeholder(customer)}
        dir="auto"
        rows={2}
        value={text}
        aria-autocomplete="list"
        aria-controls={slash.isOpen ? slash.list : undefined}
        aria-activedescendant={
          slash.isOpen && slash.found.length > 0 ? `${slash.list}-${slash.at}` : undefined
        }
        onChange={(event) => write(event.target.value)}
        onPaste={onPaste}
        onSelect={slash.look}
        onBlur={slash.close}
        onKeyDown={onKeyDown}
      />
      {isOver && !isNote && <p className={css["drop"]}>{files.drop}</p>}
      {!isNote && <Tray conversationId={conversationId} />}
      <div className={css["bar"]}>
        {!isNote && <Attach conversationId={conversationId} />}
        <Button look="icon" aria-label={replies.open} title={replies.open} onClick={slash.begin}>
          <SquareSlash size={17} />
        </Button>
        <p className={css["hint"]} role="status">
          {isNote ? composer.noteHint : hint}
        </p>
        <button
          type="button"
          className={css["setting"]}
          onClick={() => change({ enterSends: !enterSends })}
        >
          {enterSends ? composer.enterSends : composer.modEnterSends(MOD)}
        </button>
        <Button look="main" type="submit" disabled={isEmpty}>
          {isNote ? composer.keep : composer.send}
          {!isNote && <SendHorizontal size={15} className={css["arrow"]} aria-hidden="true" />}
        </Button>
      </div>
    </form>
  );
}

/** What of a saved reply is not filled in. */
function gapsIn(text: string): string[] {
  const names = [...text.matchAll(/\{\{\s*([a-z_.]+)\s*\}\}/g)].map(([, name]) => name!);
  return [...new Set(names)].filter((name) => REPLY_VARIABLES.includes(name));
}

/** What another device has written meanwhile: neither of the two is lost without a word. */
function Elsewhere({ draft }: { draft: string }) {
  const { strings, locale } = useSpoken();
  const { composer } = strings;
  const [rival, decide] = useRival(draft);
  if (!rival) return null;
  return (
    <Question
      asked={composer.elsewhere(clock(rival.updated_at, locale))}
      quoted={rival.content}
      yes={composer.takeElsewhere}
      onYes={() => decide(true)}
      no={composer.keepMine}
      onNo={() => decide(false)}
    />
  );
}

/** Something to decide before one goes on. */
function Question(props: {
  asked: string;
  quoted: string;
  yes: string;
  onYes: () => void;
  no: string;
  onNo: () => void;
}) {
  return (
    <div className={css["question"]} role="alert">
      <p>{props.asked}</p>
      <blockquote dir="auto">{props.quoted}</blockquote>
      <div>
        <Button look="main" onClick={props.onYes}>
          {props.yes}
        </Button>
        <Button onClick={props.onNo}>{props.no}</Button>
      </div>
    </div>
  );
}

/** A reply, unless somebody asks for a note: the actions `reply` and `note` do. */
function useMode(): [Mode, (mode: Mode) => void] {
  const [mode, setMode] = useState<Mode>("reply");
  useEffect(() => {
    const onMode = (event: Event) => setMode((event as CustomEvent<Mode>).detail);
    document.addEventListener("composer-mode", onMode);
    return () => document.removeEventListener("composer-mode", onMode);
  }, []);
  return [mode, setMode];
}

/** Write a reply, or a note, from anywhere on the page. */
export function compose(mode: Mode): void {
  document.dispatchEvent(new CustomEvent("composer-mode", { detail: mode }));
  document.getElementById("composer")?.focus();
}
