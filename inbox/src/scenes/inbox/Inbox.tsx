/** The inbox: views, their conversations, the open one, and its customer. */
import { MessagesSquare } from "lucide-react";
import type { ConversationRow, Priority, Romashka, Thread } from "romashka";
import { useClient } from "romashka/react";
import {
  type ComponentProps,
  lazy,
  Suspense,
  useCallback,
  useEffect,
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
import { format } from "../../address/address";
import { useAddress } from "../../address/useAddress";
import { followDrafts, forgetDrafts, openDrafts } from "../../drafts";
import { Notice } from "../../parts/Notice";
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
import { ListPane, type Shown } from "./ListPane";
import { stoppingOf } from "./stopping";
import { useAlerts } from "./useAlerts";
import { useConversation } from "./useConversation";
import { useEarlier } from "./useEarlier";
import { useColleagues } from "./useOthers";
import { type ProfileChanges, useProfile } from "./useProfile";
import { usePicking } from "./usePicking";
import { useTeam } from "./useTeam";
import { CountedViews } from "./Views";

/** Which of the actions are buttons in the header. */
const BUTTONS = ["takeOver", "returnToAi", "resolve", "reopen"];
/** There is room for the customer beside the conversation. */
const BESIDE = "(width >= 1100px)";

/** What lies over the page; what is not needed at once is loaded when it is. */
type Opened = "palette" | "sheet" | "replies" | "settings";
const Settings = lazy(() => import("../settings/Settings"));
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
  const { row, error, isFresh, reload } = useConversation(openId);
  const profile = useProfile(row?.customer_id ?? null);
  const thread = openId ? client.conversations.thread(openId) : null;
  const isDrafting = useIsDrafting(thread);
  const earlier = useEarlier(row);
  const others = useColleagues(me, openId);
  const isWide = useMedia(BESIDE);
  const [peeksAt, setPeeksAt] = useState<string | null>(null);
  const showsCustomer = isWide ? settings.showsCustomer : peeksAt === openId;
  const [opened, setOpened] = useState<Opened | null>(null);
  /** What the list shows, and where a search found it: it changes often, and only actions ask for it. */
  const shown = useRef<Shown>({ rows: [], positions: null });
  const onShown = useCallback((now: Shown) => void (shown.current = now), []);
  const picking = usePicking(shown);
  const stopping = stoppingOf(openId ?? "");
  useState(() => openDrafts(me.id));
  useEffect(() => followDrafts(client.drafts), [client]);
  useEffect(() => followSending(client, me.id), [client, me.id]);
  useAskingBeforeLeaving(client);

  async function takeOver(): Promise<void> {
    if (!openId) return;
    const conversation = client.conversations.open(openId);
    const draft = thread?.getSnapshot().draft;
    if (thread && draft) await stopping.begin(conversation, thread, draft);
    else await conversation.takeOver();
  }

  /** Do something with all that are picked; say how many it was done with, and why not with the others. */
  async function withPicked(
    work: (rows: readonly ConversationRow[]) => Promise<Outcome>,
    said: (count: number) => string,
  ): Promise<void> {
    const { count, failure, undo } = await work(
      [...picking.picked.values()].map((row) => client.inbox.latest(row.id) ?? row),
    );
    const text = failure ? strings.several.failed(said(count), failure.message) : said(count);
    showToast({ text, isAlert: failure !== null, ...(count > 0 && { undo: () => void undo() }) });
    if (!failure) picking.clear();
  }

  /** A profile that changes is no event: what shows it is read anew. */
  async function saveProfile(changes: ProfileChanges): Promise<void> {
    await profile.save(changes);
    reload();
    client.inbox.view(filtersOf(address, me.id)).retry();
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
    get rows() {
      return shown.current.rows;
    },
    placeIn: (id) => shown.current.positions?.get(id) ?? null,
    picked: picking.picked,
    pick: picking.toggle,
    clearPicked: picking.clear,
    resolvePicked: () => withPicked((rows) => resolveAll(client, rows), strings.several.resolved),
    isDrafting,
    takeOver,
    showsCustomer,
    showCustomer,
    openPalette: () => setOpened("palette"),
    openSheet: () => setOpened("sheet"),
    openReplies: () => setOpened("replies"),
    openSettings: () => setOpened("settings"),
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
  useAlerts(me.id);

  const markRead = useMarkingRead(client, openId, row);
  const hrefOf = useCallback(
    (id: string) => format({ ...address, conversation: id, at: null }),
    [address],
  );
  const changed = (work: () => Promise<Undo>, done: Action["done"]) => void carryOut(work, done);
  const leave = () => {
    stopSending();
    void forgetDrafts().then(onLeave);
  };

  return (
    <div className={css["inbox"]} data-shows={openId ? "conversation" : "list"}>
      <div className={css["rail"]}>
        <CountedViews address={address} me={me.id} />
        <Account
          me={me}
          onSettings={scene.openSettings}
          onSheet={scene.openSheet}
          onLeave={leave}
        />
      </div>
      <main className={css["listPane"]}>
        <ListPane
          address={address}
          me={me.id}
          team={team}
          looking={others.looking}
          picking={picking}
          onShown={onShown}
        />
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
          <CustomerOf
            key={row.id}
            row={row}
            known={{ profile: profile.profile, save: saveProfile }}
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
        {opened === "settings" && <Settings me={me} onClose={() => setOpened(null)} />}
        {opened === "replies" && <SavedReplies onClose={() => setOpened(null)} />}
      </Suspense>
    </div>
  );
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

/** The customer of a conversation, and what they were asked in it. */
function CustomerOf(props: Omit<ComponentProps<typeof Customer>, "messages">) {
  const thread = useClient().conversations.thread(props.row.id);
  const messages = useSyncExternalStore(thread.subscribe, () => thread.getSnapshot().messages);
  return <Customer {...props} messages={messages} />;
}

/** Does the AI write, whatever it writes? */
function useIsDrafting(thread: Thread | null): boolean {
  return useSyncExternalStore(
    useCallback((onChange) => thread?.subscribe(onChange) ?? (() => {}), [thread]),
    () => (thread?.getSnapshot().draft ?? null) !== null,
  );
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
