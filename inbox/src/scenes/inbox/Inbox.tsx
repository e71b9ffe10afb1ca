/** The inbox: views, their conversations, the open one, and its customer. */
import { MessagesSquare } from "lucide-react";
import type { ConversationRow, Priority, Romashka, Thread } from "romashka";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

import type { Action, Scene, Undo } from "../../actions/action";
import { actionOf } from "../../actions/keys";
import { Palette } from "../../actions/Palette";
import { ACTIONS, assign, prioritise, tag } from "../../actions/registry";
import { Sheet } from "../../actions/Sheet";
import { format } from "../../address/address";
import { useAddress } from "../../address/useAddress";
import { forgetDrafts, openDrafts } from "../../drafts";
import { Notice } from "../../parts/Notice";
import { Toast } from "../../parts/Toast";
import type { Me } from "../../session/session";
import { change, readSettings, useSettings } from "../../settings";
import { useStrings } from "../../strings";
import { showToast, undoLast } from "../../toasts";
import { Account } from "./Account";
import { ConnectionLine } from "./ConnectionLine";
import { Conversation } from "./Conversation";
import { Customer } from "./Customer";
import { Header } from "./Header";
import css from "./Inbox.module.css";
import { ListPane } from "./ListPane";
import { stoppingOf } from "./stopping";
import { useConversation } from "./useConversation";
import { useEarlier } from "./useEarlier";
import { useTeam } from "./useTeam";
import { CountedViews } from "./Views";

/** Which of the actions are buttons in the header. */
const BUTTONS = ["takeOver", "returnToAi", "resolve", "reopen"];
/** There is room for the customer beside the conversation. */
const BESIDE = "(width >= 1100px)";

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
  const { row, error } = useConversation(openId);
  const thread = openId ? client.conversations.thread(openId) : null;
  const isDrafting = useIsDrafting(thread);
  const earlier = useEarlier(row);
  const isWide = useMedia(BESIDE);
  const [peeksAt, setPeeksAt] = useState<string | null>(null);
  const showsCustomer = isWide ? settings.showsCustomer : peeksAt === openId;
  const [opened, setOpened] = useState<"palette" | "sheet" | null>(null);
  /** What the list shows: it changes often, and only actions ask for it. */
  const shownRows = useRef<readonly ConversationRow[]>([]);
  const onShown = useCallback(
    (rows: typeof shownRows.current) => void (shownRows.current = rows),
    [],
  );
  const stopping = stoppingOf(openId ?? "");
  useState(() => openDrafts(me.id));

  async function takeOver(): Promise<void> {
    if (!openId) return;
    const conversation = client.conversations.open(openId);
    const draft = thread?.getSnapshot().draft;
    if (thread && draft) await stopping.begin(conversation, thread, draft);
    else await conversation.takeOver();
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
      return shownRows.current;
    },
    isDrafting,
    takeOver,
    showsCustomer,
    showCustomer,
    openPalette: () => setOpened("palette"),
    openSheet: () => setOpened("sheet"),
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
        if (done) showToast({ text: done(words), undo: undo && (() => void undo().catch(failed)) });
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

  const markRead = useMarkingRead(client, openId, row);
  const hrefOf = useCallback((id: string) => format({ ...address, conversation: id }), [address]);
  const changed = (work: () => Promise<Undo>, done: Action["done"]) => void carryOut(work, done);
  const leave = () => {
    forgetDrafts();
    onLeave();
  };

  return (
    <div className={css["inbox"]} data-shows={openId ? "conversation" : "list"}>
      <div className={css["rail"]}>
        <CountedViews address={address} me={me.id} />
        <Account me={me} onSheet={scene.openSheet} onLeave={leave} />
      </div>
      <main className={css["listPane"]}>
        <ListPane address={address} me={me.id} team={team} onShown={onShown} />
        <ConnectionLine />
      </main>
      <div className={css["conversationPane"]}>
        {openId ? (
          <Conversation
            id={openId}
            row={row}
            error={error}
            me={me}
            team={team}
            stopping={stopping}
            takeOver={() => run(actionNamed("takeOver"))}
            markRead={markRead}
            header={
              row && (
                <Header
                  row={row}
                  me={me.id}
                  team={team}
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
