/** The window: one conversation, or the list of the earlier ones. */
import type { Attachments, Connection, ConversationRow, Message, ThreadState } from "romashka";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Chat } from "../chat/chat";
import { useFollowed, Value } from "../chat/value";
import { fill, useSpeech } from "../strings";
import { Address } from "./Address";
import { Announcer } from "./Announcer";
import { Composer } from "./Composer";
import { Earlier } from "./Earlier";
import { Head, isOver, statusOf } from "./Head";
import { Messages } from "./Messages";
import { Rating } from "./Rating";
import { useDraft } from "./useDraft";
import { useTeam } from "./useTeam";
import { useUrls } from "./useUrls";
import { whenOf } from "./words";

const REREAD_MS = 30_000;
const NOTHING: ThreadState = {
  messages: [],
  draft: null,
  outgoing: [],
  hasOlder: false,
  state: "live",
  error: null,
};
const NO_THREAD = new Value(NOTHING);

/** What the bucket of the conversations' files takes. */
const MAX_BYTES = 10 * 1024 * 1024;

interface Writing {
  text: string;
  files: readonly File[];
  /** A file was not taken. */
  isTooLarge: boolean;
}
export const EMPTY: Writing = { text: "", files: [], isTooLarge: false };

/** What is being written outlives the window. */
export class Desk extends Value<Writing & { isOpen: boolean }> {
  readonly put = (changes: Partial<Writing & { isOpen: boolean }>): void => this.show(changes);

  readonly add = (added: readonly File[]): void => {
    const fitting = added.filter(({ size }) => size <= MAX_BYTES);
    const { files } = this.getSnapshot();
    this.show({ files: [...files, ...fitting], isTooLarge: fitting.length < added.length });
  };
}

interface Props {
  chat: Chat;
  desk: Desk;
  attachments: Attachments;
  connection: Connection;
  onClose: () => void;
}

export function App({ chat, desk, attachments, connection, onClose }: Props) {
  const spoken = useSpeech();
  const { strings, language, direction } = spoken;
  const { isOpen, text, files, isTooLarge } = useFollowed(desk);
  const { settings, conversations, thread, leaving, isLoading, error } = useFollowed(chat);
  const { messages, draft, outgoing, hasOlder, state } = useFollowed<ThreadState>(
    thread ?? NO_THREAD,
  );
  const { state: line } = useFollowed(connection);
  const isOffline = useOffline() || (thread !== null && line === "offline");
  const [isListing, setListing] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const shownDraft = useDraft(draft, messages.at(-1)?.id);
  const people = useTeam(
    useMemo(() => chat.conversation, [thread]),
    isOpen,
  );
  const typist = people.find(({ isTyping }) => isTyping);
  const urls = useUrls(isOpen ? messages : [], attachments);
  const { row } = chat;
  const own = settings?.texts[language] ?? {};
  const all = useMemo(() => [...outgoing, ...leaving], [outgoing, leaving]);

  useFocus(root.current, isOpen, isListing);
  useRereading(chat, isOpen, people.length);

  if (!isOpen) return null;
  const writing = typist
    ? typist.name
      ? fill(strings.nameWrites, { name: typist.name })
      : strings.humanWrites
    : shownDraft && !shownDraft.isRetracted
      ? strings.aiWrites
      : "";
  const away = awayOf(settings, own["away"], spoken);
  const title = own["title"] ?? strings.title;
  return (
    <div
      ref={root}
      class="window"
      role="dialog"
      aria-label={title}
      lang={language}
      dir={direction}
      onKeyDown={(event) => {
        event.stopPropagation(); // the page's own keys are not meant
        if (event.key === "Escape" && !event.isComposing) isListing ? setListing(false) : onClose();
      }}
      onKeyUp={(event) => event.stopPropagation()}
      onKeyPress={(event) => event.stopPropagation()}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const dropped = [...(event.dataTransfer?.files ?? [])];
        desk.add(dropped);
      }}
    >
      <Head
        title={isListing ? strings.earlier : title}
        status={isListing ? null : statusOf(row, messages, strings)}
        settings={settings}
        onBack={isListing ? () => setListing(false) : null}
        onEarlier={
          !isListing && conversations.length > 0
            ? () => (setListing(true), void chat.read().catch(() => {}))
            : null
        }
        onClose={onClose}
      />
      {isOffline ? (
        <p class="line" role="status">
          {strings.offline}
        </p>
      ) : error && !thread ? (
        <p class="line" role="status">
          {strings.unreachable}
        </p>
      ) : (
        away && !isListing && <p class="line">{away}</p>
      )}
      {isListing ? (
        <Earlier
          rows={conversations}
          onOpen={(id) => {
            chat.look(id);
            setListing(false);
          }}
        />
      ) : (
        <>
          <Messages
            key={thread?.id ?? "new"}
            messages={messages}
            outgoing={all}
            draft={shownDraft}
            isTyped={!!typist}
            greeting={own["greeting"] ?? strings.greeting}
            urls={urls}
            hasOlder={hasOlder}
            isLoading={isLoading || (state === "loading" && all.length === 0)}
            isOffline={isOffline}
            loadOlder={() => void thread?.loadOlder().catch(() => {})}
            onChoose={(question, number) => chat.choose(question, number)}
            onRetry={(id) => chat.retry(id)}
            onDiscard={(id) => chat.discard(id)}
            onSeen={() => document.visibilityState === "visible" && chat.markRead()}
          />
          {isOver(row) && messages.length > 0 && (
            <Rating
              key={row!.id}
              given={row!.satisfaction_rating}
              onRate={(rating) => chat.rate(rating)}
            />
          )}
          {row && waitsForHuman(row, messages, settings) && (
            <Address email={row.answer_email} onLeave={(email) => chat.leaveAddress(email)} />
          )}
          <Composer
            text={text}
            files={files}
            setText={(written) => desk.put({ text: written })}
            isTooLarge={isTooLarge}
            onAdd={desk.add}
            onRemove={(file) => desk.put({ files: files.filter((each) => each !== file) })}
            onSend={(written, chosen) => {
              void chat.conversation?.presence.typing(false).catch(() => {});
              chat.write(written, chosen);
              desk.put(EMPTY);
            }}
            onTyping={() => void chat.conversation?.presence.typing().catch(() => {})}
            onHuman={() => chat.write(strings.humanRequest)}
          />
        </>
      )}
      <Announcer conversationId={thread?.id ?? null} messages={messages} writing={writing} />
    </div>
  );
}

function awayOf(
  settings: ChatSettings,
  own: string | undefined,
  spoken: ReturnType<typeof useSpeech>,
): string | null {
  if (settings?.is_team_there !== false) return null;
  const { back_at } = settings;
  const when = back_at ? whenOf(back_at, spoken) : "";
  if (own) return fill(own, { when });
  return when ? fill(spoken.strings.awayUntil, { when }) : spoken.strings.away;
}
type ChatSettings = ReturnType<Chat["getSnapshot"]>["settings"];

/** May it take a while until a human answers, and can an address be left? */
function waitsForHuman(
  row: ConversationRow,
  messages: readonly Message[],
  settings: ChatSettings,
): boolean {
  // Databases of before have no such column.
  if (row.answer_email === undefined || isOver(row)) return false;
  const isAnswered =
    messages.findLast((each) => each.sender_type !== "user")?.sender_type === "agent";
  return settings?.is_team_there === false || (row.requires_human && !isAnswered);
}

/** Opening moves the focus to where one writes; on a phone that would bring the keyboard over what is said. */
function useFocus(root: HTMLElement | null, isOpen: boolean, isListing: boolean): void {
  useLayoutEffect(() => {
    if (!isOpen || !root) return;
    const isPhone = matchMedia("(max-width: 480px) and (pointer: coarse)").matches;
    const target = isListing || isPhone ? ".back, .head button:last-child" : "textarea";
    root.querySelector<HTMLElement>(target)?.focus({ preventScroll: true });
  }, [isOpen, isListing, root]);
}

function useOffline(): boolean {
  const [isOffline, setOffline] = useState(!navigator.onLine);
  useEffect(() => {
    const look = () => setOffline(!navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => {
      removeEventListener("online", look);
      removeEventListener("offline", look);
    };
  }, []);
  return isOffline;
}

/** Nothing tells a customer that their conversation was resolved, or taken over: it is looked for now and then. */
function useRereading(chat: Chat, isOpen: boolean, people: number): void {
  useEffect(() => {
    if (!isOpen) return;
    const look = () => {
      if (document.visibilityState === "visible") void chat.refresh().catch(() => {});
    };
    look();
    const timer = setInterval(look, REREAD_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [isOpen, people]);
}
