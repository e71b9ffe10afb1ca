/** The inbox: views, their conversations, the open one, and its customer. */
import { CircleAlert, MessagesSquare, ShieldX } from "lucide-react";
import type { ConversationRow, Priority, Romashka } from "romashka";
import { useInboxView, useThread } from "romashka/react";
import {
  lazy,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";

import type { Action, Scene, Undo } from "../../actions/action";
import { actionOf } from "../../actions/keys";
import { Palette } from "../../actions/Palette";
import { assign, prioritise, tag } from "../../actions/changes";
import { ACTIONS } from "../../actions/registry";
import { assignAll, type Outcome, resolveAll, tagAll } from "../../actions/several";
import { Sheet } from "../../actions/Sheet";
import { type Address, format } from "../../address/address";
import { useAddress } from "../../address/useAddress";
import { followDrafts, forgetDrafts, openDrafts } from "../../drafts";
import { Button } from "../../parts/Button";
import { Notice } from "../../parts/Notice";
import { Skeleton } from "../../parts/Skeleton";
import { Toast } from "../../parts/Toast";
import type { Me } from "../../session/session";
import { change, readSettings, useSettings } from "../../settings";
import { useStrings } from "../../strings";
import { followSending, isSending, stopSending } from "../../sending";
import { showToast, undoLast } from "../../toasts";
import { Account } from "./Account";
import { Bulk } from "./Bulk";
import { ConnectionLine } from "./ConnectionLine";
import { Conversation } from "./Conversation";
import { Customer } from "./Customer";
import { filtersOf } from "./filters";
import { Header } from "./Header";
import css from "./Inbox.module.css";
import { List } from "./List";
import { ListHead } from "./ListHead";
import { stoppingOf } from "./stopping";
import { useAlerts } from "./useAlerts";
import { useConversation } from "./useConversation";
import { useCounts } from "./useCounts";
import { useEarlier } from "./useEarlier";
import { useColleagues } from "./useOthers";
import { type ProfileChanges, useProfile } from "./useProfile";
import { type Found, useSearch } from "./useSearch";
import { usePicking } from "./usePicking";
import { useTeam } from "./useTeam";
import { Views } from "./Views";

/** Which of the actions are buttons in the header. */
const BUTTONS = ["takeOver", "returnToAi", "resolve", "reopen"];
/** There is room for the customer beside the conversation. */
const BESIDE = "(width >= 1100px)";
/** Where each list was scrolled to. */
const OFFSETS = new Map<string, number>();

/** What lies over the page; what is not needed at once is loaded when it is. */
type Opened = "palette" | "sheet" | "replies";
const SavedReplies = lazy(() => import("../replies/SavedReplies"));

interface Props {
  client: Romashka;
  me: Me;
  onLeave: () => void;
}

export function Inbox({ client, me, onLeave }: Props) {
  const strings = useStrings();
  const address = useAddress();
  const settings = useSettings();
  const { conversation: openId } = address;
  const team = useTeam(client);
  const counts = useCounts(me.id);
  const filters = filtersOf(address, me.id);
  const { view, ...list } = useInboxView(filters);
  const found = useSearch(address.search);
  const results = useResults(found, address);
  const { row, error, isFresh, reload } = useConversation(openId);
  const profile = useProfile(row?.customer_id ?? null);
  const thread = useThread(openId);
  const earlier = useEarlier(row);
  const others = useColleagues(me, openId);
  const isWide = useMedia(BESIDE);
  const [peeksAt, setPeeksAt] = useState<string | null>(null);
  const showsCustomer = isWide ? settings.showsCustomer : peeksAt === openId;
  const [opened, setOpened] = useState<Opened | null>(null);
  const [shownRows, setShownRows] = useState<readonly ConversationRow[]>([]);
  const picking = usePicking(shownRows);
  const stopping = stoppingOf(openId ?? "");
  useState(() => openDrafts(me.id));
  useEffect(() => followDrafts(client.drafts), [client]);
  useEffect(() => followSending(client, me.id), [client, me.id]);
  useAskingBeforeLeaving(client);

  async function takeOver(): Promise<void> {
    if (!openId) return;
    const conversation = client.conversations.open(openId);
    if (thread.thread && thread.draft)
      await stopping.begin(conversation, thread.thread, thread.draft);
    else await conversation.takeOver();
  }

  /** Do something with all that are picked; say how many it was done with, and why not with the others. */
  async function withPicked(
    work: (rows: readonly ConversationRow[]) => Promise<Outcome>,
    said: (count: number) => string,
  ): Promise<void> {
    const { count, failure, undo } = await work([...picking.picked.values()]);
    const text = failure ? strings.several.failed(said(count), failure.message) : said(count);
    showToast({ text, isAlert: failure !== null, ...(count > 0 && { undo: () => void undo() }) });
    if (!failure) picking.clear();
  }

  /** A profile that changes is no event: what shows it is read anew. */
  async function saveProfile(changes: ProfileChanges): Promise<void> {
    await profile.save(changes);
    reload();
    view.retry();
    showToast({ text: strings.customer.saved });
  }

  function showCustomer(isShown: boolean): void {
    if (isWide) change({ showsCustomer: isShown });
    else setPeeksAt(isShown ? openId : null);
  }

  const scene: Scene = {
    client,
    me,
    address,
    row,
    rows: shownRows,
    placeIn: (id) => results?.positions.get(id) ?? null,
    picked: picking.picked,
    pick: picking.toggle,
    clearPicked: picking.clear,
    resolvePicked: () => withPicked((rows) => resolveAll(client, rows), strings.several.resolved),
    isDrafting: thread.draft !== null,
    takeOver,
    showsCustomer,
    showCustomer,
    openPalette: () => setOpened("palette"),
    openSheet: () => setOpened("sheet"),
    openReplies: () => setOpened("replies"),
  };
  const latest = useLatest({ scene, strings });

  /** Do something; say that it was done, how to go back, or what went wrong. */
  const carryOut = useCallback(
    async (work: () => ReturnType<Action["do"]>, done?: Action["done"]) => {
      const words = latest.current.strings;
      const failed = (failure: unknown) =>
        showToast({ text: words.done.failed((failure as Error).message), isAlert: true });
      try {
        const undo = (await work()) ?? undefined;
        if (done && undo !== false)
          showToast({ text: done(words), undo: undo && (() => void undo().catch(failed)) });
      } catch (failure) {
        failed(failure);
      }
    },
    [latest],
  );
  const run = useCallback(
    (action: Action) => void carryOut(() => action.do(latest.current.scene), action.done),
    [carryOut, latest],
  );
  useKeys(latest, run);
  useWaitingInTab(counts.waiting ?? 0, strings.inbox);
  useAlerts(me.id);

  const markRead = useMarkingRead(client, openId, row);
  const hrefOf = useCallback(
    (id: string) => format({ ...address, conversation: id, at: null }),
    [address],
  );
  const listKey = format({ ...address, conversation: null });
  const changed = (work: () => Promise<Undo>, done: Action["done"]) => void carryOut(work, done);
  const leave = () => {
    stopSending();
    void forgetDrafts().then(onLeave);
  };

  return (
    <div className={css["inbox"]} data-shows={openId ? "conversation" : "list"}>
      <div className={css["rail"]}>
        <Views address={address} counts={counts} />
        <Account me={me} onSheet={scene.openSheet} onLeave={leave} />
      </div>
      <main className={css["listPane"]}>
        <ListHead address={address} />
        {results && (
          <FoundBody found={found!} isEmpty={results.rows.length === 0}>
            <List
              key={found!.of}
              rows={results.rows}
              hasMore={found!.hasMore}
              loadMore={found!.loadMore}
              hrefOf={results.hrefOf}
              openId={openId}
              excerpts={results.excerpts}
              team={team}
              looking={others.looking}
              picking={picking}
              onShown={setShownRows}
            />
          </FoundBody>
        )}
        {!results && (
          <ListBody list={list} retry={() => view.retry()} emptyKey={address.view}>
            <List
              key={listKey}
              rows={list.rows}
              hasMore={list.hasMore}
              loadMore={() => view.loadMore()}
              hrefOf={hrefOf}
              openId={openId}
              team={team}
              looking={others.looking}
              picking={picking}
              offset={OFFSETS.get(listKey)}
              onScroll={(offset) => OFFSETS.set(listKey, offset)}
              onShown={setShownRows}
            />
          </ListBody>
        )}
        {picking.picked.size > 0 && (
          <Bulk
            count={picking.picked.size}
            me={me.id}
            team={team}
            onAssign={(to) =>
              void withPicked((rows) => assignAll(client, rows, to), strings.several.assigned)
            }
            onTag={(tag) =>
              void withPicked((rows) => tagAll(client, rows, tag), strings.several.tagged)
            }
            onResolve={() => run(actionNamed("resolve"))}
            onClear={picking.clear}
          />
        )}
        <ConnectionLine />
      </main>
      <div className={css["conversationPane"]}>
        {openId ? (
          <Conversation
            id={openId}
            row={row}
            isFresh={isFresh}
            at={address.at}
            error={error}
            me={me}
            team={team}
            stopping={stopping}
            takeOver={() => run(actionNamed("takeOver"))}
            onSavedReplies={scene.openReplies}
            writing={others.writing.get(openId)}
            markRead={markRead}
            header={
              row && (
                <Header
                  row={row}
                  me={me.id}
                  team={team}
                  looking={others.looking.get(row.id)}
                  actions={BUTTONS.map(actionNamed).filter((action) => action.when(scene))}
                  run={run}
                  onBack={() => run(actionNamed("back"))}
                  onAssign={(to) =>
                    changed(
                      () => assign(client, row, to),
                      ({ done }) => done.assign,
                    )
                  }
                  onPriority={(priority: Priority) =>
                    changed(
                      () => prioritise(client, row, priority),
                      ({ done }) => done.priority,
                    )
                  }
                  showsCustomer={showsCustomer}
                  onCustomer={() => showCustomer(!showsCustomer)}
                />
              )
            }
          />
        ) : (
          <Notice
            title={strings.conversation.choose}
            text={strings.conversation.chooseHint}
            icon={<MessagesSquare size={40} />}
          />
        )}
      </div>
      {row && showsCustomer && (
        <div className={css["customerPane"]}>
          <Customer
            key={row.id}
            row={row}
            known={{ profile: profile.profile, save: saveProfile }}
            messages={thread.messages}
            earlier={earlier}
            hrefOf={hrefOf}
            onTags={(add, remove) =>
              changed(
                () => tag(client, row, add, remove),
                ({ done }) => done.tag,
              )
            }
            onClose={() => showCustomer(false)}
          />
        </div>
      )}
      <Toast />
      {opened === "palette" && (
        <Palette
          actions={ACTIONS.filter((action) => action.id !== "palette" && action.when(scene))}
          run={run}
          onClose={() => setOpened(null)}
        />
      )}
      {opened === "sheet" && <Sheet actions={ACTIONS} onClose={() => setOpened(null)} />}
      <Suspense>
        {opened === "replies" && <SavedReplies onClose={() => setOpened(null)} />}
      </Suspense>
    </div>
  );
}

/** What was found, as far as the filters let it through. */
function useResults(found: Found | null, address: Address) {
  const all = found?.hits;
  const { channel, priority } = address;
  return useMemo(() => {
    const hits = all?.filter(
      ({ conversation: row }) =>
        (!channel || row.channel_type === channel) && (!priority || row.priority === priority),
    );
    if (!hits) return null;
    const positions = new Map(
      hits.map(({ conversation, position }) => [conversation.id, position]),
    );
    return {
      rows: hits.map(({ conversation }) => conversation),
      excerpts: new Map(hits.map(({ conversation, excerpt }) => [conversation.id, excerpt])),
      positions,
      hrefOf: (id: string) =>
        format({ ...address, conversation: id, at: positions.get(id) ?? null }),
    };
  }, [all, channel, priority, address]);
}

/** What was found, or that nothing was. */
function FoundBody(props: { found: Found; isEmpty: boolean; children: React.ReactNode }) {
  const { empty, list } = useStrings();
  const { found, isEmpty, children } = props;
  const { state, hasMore, loadMore } = found;
  const isSought = isEmpty && hasMore;
  // The filters let nothing of this page through; perhaps of the next.
  useEffect(() => {
    if (isSought) loadMore();
  }, [isSought, loadMore]);
  if (state === "loading" || isSought) return <Skeleton kind="rows" />;
  if (state === "failed") {
    return <Notice title={list.failed} icon={<CircleAlert size={36} />} isAlert />;
  }
  const [title, text] = empty["search"]!;
  return isEmpty ? <Notice title={title} text={text} /> : children;
}

/** The list, or why there is none. */
function ListBody(props: {
  list: Omit<ReturnType<typeof useInboxView>, "view">;
  retry: () => void;
  emptyKey: string;
  children: React.ReactNode;
}) {
  const strings = useStrings();
  const { rows, state, error } = props.list;
  if (state === "refused" || (state === "loading" && error)) {
    const isRefused = state === "refused";
    return (
      <Notice
        title={isRefused ? strings.list.refused : strings.list.failed}
        icon={isRefused ? <ShieldX size={36} /> : <CircleAlert size={36} />}
        isAlert
      >
        <Button onClick={props.retry}>{strings.retry}</Button>
      </Notice>
    );
  }
  if (state === "loading") return <Skeleton kind="rows" />;
  if (rows.length > 0) return props.children;
  const [title, text] = strings.empty[props.emptyKey]!;
  return <Notice title={title} text={text} />;
}

const actionNamed = (id: string): Action => ACTIONS.find((action) => action.id === id)!;

type Latest = { current: { scene: Scene } };

function useLatest<T>(value: T): { current: T } {
  const latest = useRef(value);
  useEffect(() => void (latest.current = value));
  return latest;
}

function useKeys(latest: Latest, run: (action: Action) => void): void {
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      if (document.querySelector("dialog[open]")) return;
      const isUndo = event.key === "z" && !event.altKey && !event.metaKey && !event.ctrlKey;
      if (isUndo && event.target === document.body) return undoLast();
      const { hasSingleKeys } = readSettings();
      const possible = ACTIONS.filter((action) => action.when(latest.current.scene));
      const action = actionOf(event, possible, hasSingleKeys);
      if (!action) return;
      event.preventDefault();
      run(action);
    }
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [latest, run]);
}

function useMedia(query: string): boolean {
  const [list] = useState(() => matchMedia(query));
  return useSyncExternalStore(
    useCallback(
      (onChange) => {
        list.addEventListener("change", onChange);
        return () => list.removeEventListener("change", onChange);
      },
      [list],
    ),
    () => list.matches,
  );
}

/** A page that is closed while something is on its way would leave it behind. */
function useAskingBeforeLeaving(client: Romashka): void {
  useEffect(() => {
    const onLeave = (event: BeforeUnloadEvent) => isSending(client) && event.preventDefault();
    window.addEventListener("beforeunload", onLeave);
    return () => window.removeEventListener("beforeunload", onLeave);
  }, [client]);
}

/** How many wait, in the tab's title and on its icon. */
function useWaitingInTab(waiting: number, name: string): void {
  useEffect(() => {
    const isOver = new AbortController();
    void import("../../icon").then(({ markIcon }) => markIcon(waiting, isOver.signal));
    return () => isOver.abort();
  }, [waiting]);
  useEffect(() => {
    document.title = waiting > 0 ? `(${waiting}) ${name} · Romashka` : `${name} · Romashka`;
  }, [waiting, name]);
}

/** Say how far the team has read, once for each new message. */
function useMarkingRead(client: Romashka, id: string | null, row: ConversationRow | null) {
  const marked = useRef({ id, position: 0 });
  const read = row?.agent_read_position ?? Infinity;
  return useCallback(
    (position: number) => {
      if (!id || position <= read) return;
      if (marked.current.id === id && marked.current.position >= position) return;
      marked.current = { id, position };
      void client.conversations
        .open(id)
        .markRead(position)
        .catch(() => {}); // it stays unread
    },
    [client, id, read],
  );
}
