/** The open conversation: what was said, what is being written, and where to answer. */
import { CircleAlert, MessageSquareOff, ShieldX } from "lucide-react";
import {
  type ConversationRow,
  NotFound,
  type Outgoing,
  PermissionDenied,
  type Thread,
  type ThreadState,
  whoAnswers,
} from "romashka";
import { useClient, useConnection, useStore, useThread } from "romashka/react";
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";

import { draftKey, readDraft, writeDraft } from "../../drafts";
import { Button } from "../../parts/Button";
import { Notice } from "../../parts/Notice";
import { Skeleton } from "../../parts/Skeleton";
import { isClosed, nameOf, type Team } from "../../people";
import type { Me } from "../../session/session";
import { type Strings, useSpoken } from "../../strings";
import { comeBack, fileNameOf, goesWith, take } from "../../files";
import { discard, isLost, post, postAgain } from "../../sending";
import { showToast } from "../../toasts";
import { day, dayKey, lasting, useNow } from "../../time";
import { Announcer } from "./Announcer";
import { type Answered, compose, Composer } from "./Composer";
import css from "./Conversation.module.css";
import { Draft, Stopped } from "./Draft";
import { type Item, itemsOf, storedItems } from "./items";
import { authorOf, Message, Sending } from "./Message";
import { Line, Messages } from "./Messages";
import { NoteCard } from "./NoteCard";
import type { Filling } from "./Slash";
import { type Stopping } from "./stopping";
import { useNotes } from "./useNotes";
import { useCustomerTyping } from "./useOthers";
import { Why } from "./Why";

/** So many unread messages are loaded before the conversation is shown. */
const MOST_UNREAD = 500;
/** What was said before a place helps to understand it. */
const BEFORE_PLACE = 10;

interface Props {
  id: string;
  row: ConversationRow | null;
  /** The row is not only what a list knew. */
  isFresh: boolean;
  /** The position of the message to go to. */
  at: number | null;
  error: Error | null;
  me: Me;
  team: Team;
  stopping: Stopping;
  header: ReactNode;
  takeOver: () => void;
  onSavedReplies: () => void;
  /** Who else of the team writes a reply. */
  writing: string | undefined;
  markRead: (position: number) => void;
}

export function Conversation(props: Props) {
  const { id, row, at, me, team, stopping, header } = props;
  const { strings } = useSpoken();
  const client = useClient();
  const { thread, ...shown } = useThread(id);
  const stop = useStore(stopping);
  const [why, setWhy] = useState<string | null>(null);
  const connection = useConnection();
  const isOffline = connection.state === "offline";
  const readUpTo = useReadUpTo(id, row, props.isFresh, shown.state !== "loading");
  const isOnItsWay = useGoingBack(thread, shown, at, readUpTo);
  const { notes, add: addNote, remove: removeNote } = useNotes(id);
  const { isCustomerHere, isCustomerTyping, tell } = useCustomerTyping(id, me);
  const stored = useMemo(
    () => storedItems(shown, notes, readUpTo),
    [shown.messages, shown.hasOlder, notes, readUpTo],
  );
  const items = useMemo(
    () => itemsOf(stored, shown, stop),
    [stored, shown.messages, shown.draft, shown.outgoing, stop],
  );
  const customer = row ? nameOf(row, strings) : strings.message.customer;
  const newest = shown.messages.at(-1)?.position ?? 0;
  const { markRead } = props;
  const seen = useCallback(() => {
    if (newest > 0 && document.visibilityState === "visible") markRead(newest);
  }, [newest, markRead]);
  const loadOlder = useCallback(() => void thread?.loadOlder().catch(() => {}), [thread]);

  const error = props.error ?? (shown.messages.length === 0 ? shown.error : null);
  if (error) return <Problem error={error} header={header} retry={() => thread?.retry()} />;

  function send(text: string) {
    const [file, ...others] = take(id);
    if (text || file) sendOne(text || file!.shown.name, file);
    others.forEach((each) => sendOne(each.shown.name, each));
    if (stopping.getSnapshot()?.phase !== "stopping") stopping.clear();
  }

  /** A message has one file; what comes with it stands by its name. */
  function sendOne(text: string, file: ReturnType<typeof take>[number] | undefined) {
    const message = crypto.randomUUID();
    if (file) goesWith(message, file);
    post(client, id, text, { id: message, attachment: file });
  }

  /** Say what went wrong, if something did. */
  async function run(work: Promise<void>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (failure) {
      showToast({ text: strings.done.failed((failure as Error).message), isAlert: true });
      return false;
    }
  }

  function use(text: string) {
    writeDraft(draftKey(id, "reply"), text);
    if (stop?.phase === "won") stopping.clear();
    compose("reply");
  }

  function edit({ id: message, text }: Outgoing) {
    const isOfFile = text === fileNameOf(message);
    comeBack(message, id, true);
    discard(client, id, message);
    if (isOfFile) return compose("reply");
    const key = draftKey(id, "reply");
    writeDraft(key, [readDraft(key), text].filter(Boolean).join("\n"));
    compose("reply");
  }

  function answeredSince(position: number): Answered | null {
    const other = shown.messages.findLast(
      (message) =>
        message.position > position &&
        message.sender_type !== "user" &&
        message.sender_id !== me.id,
    );
    return other ? { name: authorOf(other, customer, team, strings), text: other.content } : null;
  }

  function render(item: Item): ReactNode {
    switch (item.kind) {
      case "day":
        return <DayLine time={item.time} />;
      case "unread":
        return <Line text={strings.conversation.unread} isAlert />;
      case "message":
        return (
          <Message
            isFound={item.message.position === at}
            message={item.message}
            isFirst={item.isFirst}
            customer={customer}
            team={team}
            onWhy={setWhy}
            isLost={
              stop?.phase === "lost" &&
              stop.turnId === item.message.turn_id &&
              item.message.sender_type === "ai"
            }
          />
        );
      case "note":
        return (
          <NoteCard
            note={item.note}
            author={team.get(item.note.author_id ?? "")?.name ?? strings.message.agent}
            onRemove={
              item.note.author_id === me.id ? () => void run(removeNote(item.note.id)) : null
            }
          />
        );
      case "draft":
        return <Draft draft={item.draft} onStop={props.takeOver} />;
      case "stopped":
        return <Stopped stop={item.stop} onUse={use} />;
      case "outgoing":
        return (
          <Sending
            outgoing={item.outgoing}
            me={me.name}
            isQueued={isOffline && isLost(item.outgoing)}
            onRetry={() => postAgain(client, id, item.outgoing.id)}
            onEdit={() => edit(item.outgoing)}
            onDiscard={() => discard(client, id, item.outgoing.id)}
          />
        );
    }
  }

  const isLoading = shown.state === "loading" || !row || readUpTo === null || isOnItsWay;
  return (
    <section className={css["conversation"]} aria-label={strings.conversation.label}>
      {header}
      {row && <Standing row={row} />}
      {isLoading ? (
        <Skeleton kind="messages" />
      ) : (
        <Messages
          key={`${id} ${at ?? ""}`}
          at={at}
          items={items}
          render={render}
          hasOlder={shown.hasOlder}
          loadOlder={loadOlder}
          onSeen={seen}
        />
      )}
      {why && <Why key={why} conversationId={id} messageId={why} onClose={() => setWhy(null)} />}
      <Announcer
        conversationId={id}
        messages={shown.messages}
        isDrafting={shown.draft !== null}
        customer={customer}
        team={team}
      />
      <Others
        customer={isCustomerTyping ? customer : null}
        isHere={isCustomerHere}
        writing={props.writing}
      />
      <Composer
        key={`composer:${id}`}
        conversationId={id}
        customer={customer}
        hint={hintOf(row, isOffline, strings)}
        answeredSince={answeredSince}
        newest={newest}
        onSend={send}
        onNote={(text) => run(addNote(text))}
        filling={fillingOf(row, me)}
        onSavedReplies={props.onSavedReplies}
        onTyping={tell}
      />
    </section>
  );
}

/** Who types, beside oneself; in one line that is always there, so that nothing moves. */
export function Others(props: {
  customer: string | null;
  isHere: boolean;
  writing: string | undefined;
}) {
  const { others } = useSpoken().strings;
  const { customer, isHere, writing } = props;
  return (
    <p className={css["others"]}>
      {writing && <span className={css["isWriting"]}>{others.writing(writing)}</span>}
      {customer ? (
        <span dir="auto">{others.customerTypes(customer)}</span>
      ) : (
        isHere && <span className={css["isHere"]}>{others.customerHere}</span>
      )}
    </p>
  );
}

/** How the conversation stands, when that is more than the header can say. */
function Standing({ row }: { row: ConversationRow }) {
  const { strings, locale } = useSpoken();
  const now = useNow();
  const { who, waitingSince } = whoAnswers(row, now);
  if (who === "nobody") return <p className={css["standing"]}>{strings.conversation.resolved}</p>;
  if (who !== "waiting") return null;
  const reason = row.escalation_reason && strings.reasons[row.escalation_reason];
  return (
    <p className={`${css["standing"]} ${css["isWaiting"]}`}>
      {strings.conversation.waits(lasting(waitingSince, now, locale))}{" "}
      {reason && <span>{reason}.</span>}
    </p>
  );
}

function DayLine({ time }: { time: string }) {
  const { strings, locale } = useSpoken();
  const now = useNow();
  const key = dayKey(time);
  const { today, yesterday } = strings.conversation;
  const text =
    key === dayKey(now) ? today : key === dayKey(now - 86_400_000) ? yesterday : day(time, locale);
  return <Line text={text} />;
}

function Problem({ error, header, retry }: { error: Error; header: ReactNode; retry: () => void }) {
  const { strings } = useSpoken();
  const { conversation: words } = strings;
  const isMissing = error instanceof NotFound;
  const isRefused = error instanceof PermissionDenied;
  const Icon = isMissing ? MessageSquareOff : isRefused ? ShieldX : CircleAlert;
  return (
    <section className={css["conversation"]} aria-label={words.label}>
      {header}
      <Notice
        title={isMissing ? words.notFound : isRefused ? words.refused : words.failed}
        text={isMissing ? words.notFoundHint : undefined}
        icon={<Icon size={36} />}
        isAlert
      >
        {!isMissing && <Button onClick={retry}>{strings.retry}</Button>}
      </Notice>
    </section>
  );
}

function hintOf(
  row: ConversationRow | null,
  isOffline: boolean,
  { composer }: Strings,
): string | null {
  if (isOffline) return composer.offline;
  if (row && !row.requires_human && !isClosed(row)) return composer.takesOver;
  return null;
}

/**
 * Load as far back as the place to go to, or the first message that nobody has read; is that under way?
 *
 * Of very many unread ones the newest are shown at once: the line above them says that there are more.
 */
function useGoingBack(
  thread: Thread | null,
  { messages, hasOlder }: ThreadState,
  at: number | null,
  readUpTo: number | null,
): boolean {
  const [failedFor, setFailedFor] = useState<string | null>(null);
  const oldest = messages[0]?.position ?? 0;
  const unread = readUpTo === null || readUpTo === Infinity ? null : readUpTo + 1;
  const isNear = unread !== null && oldest - unread <= MOST_UNREAD;
  const place = at ?? (isNear ? unread : null);
  const key = `${thread?.id} ${place}`;
  const isFar = place !== null && hasOlder && oldest >= place && oldest > 1 && failedFor !== key;
  useEffect(() => {
    if (!thread || !isFar) return;
    const giveUp = () => setFailedFor(key);
    const isFurther = () => thread.getSnapshot().messages[0]?.position !== oldest;
    const loaded = thread.loadOlder(Math.max(1, place - BEFORE_PLACE));
    loaded.then(() => isFurther() || giveUp(), giveUp);
  }, [thread, isFar, place, oldest, key]);
  return isFar;
}

/** What a saved reply is filled in with. */
function fillingOf(row: ConversationRow | null, { name }: Me): Filling {
  const { customer_profiles: profile, customer_name, user_name, user_email } = row ?? {};
  const customer = {
    name: profile?.name || customer_name || user_name,
    email: profile?.email || user_email,
    phone: profile?.phone || row?.customer_phone,
  };
  return { values: { customer, agent: { name } }, language: row?.language?.split("-")[0] ?? null };
}

/**
 * How far the team had read when the conversation was opened: the line stays where it was.
 *
 * One that is at hand is shown at once, by what the list knows; else its row is read meanwhile.
 */
function useReadUpTo(
  id: string,
  row: ConversationRow | null,
  isFresh: boolean,
  isAtHand: boolean,
): number | null {
  const opened = useRef<{ id: string; isAtHand: boolean; position: number | null } | null>(null);
  if (opened.current?.id !== id) opened.current = { id, isAtHand, position: null };
  const isKnown = row?.id === id && (isFresh || opened.current.isAtHand);
  if (isKnown && opened.current.position === null) {
    const isRead = row.agent_read_position >= row.message_count;
    opened.current.position = isRead ? Infinity : row.agent_read_position;
  }
  return opened.current.position;
}
