/** All actions of the inbox. */
import {
  ArrowDown,
  ArrowUp,
  Bot,
  CircleCheck,
  Flag,
  Hand,
  Keyboard,
  Languages,
  Lock,
  type LucideIcon,
  PanelRight,
  Reply,
  RotateCcw,
  Search,
  Settings2,
  Sparkles,
  SquareCheck,
  SquareSlash,
  SunMoon,
  Tag,
  UserPlus,
  X,
} from "lucide-react";
import type { ConversationRow } from "romashka";

import { VIEWS } from "../address/address";
import { go } from "../address/useAddress";
import type { Mode } from "../drafts";
import { isClosed } from "../people";
import { compose } from "../scenes/inbox/Composer";
import { VIEW_ICONS } from "../scenes/inbox/Views";
import { change, readSettings, type Settings } from "../settings";
import { LANGUAGES } from "../strings";
import type { Action, Scene, Undo } from "./action";
import { assign, reopen } from "./changes";

const always = () => true;
const isOpen = ({ row }: Scene) => row !== null;
const hasPicked = ({ picked }: Scene) => picked.size > 0;

const walk = (id: "next" | "previous", key: string, icon: LucideIcon, step: number): Action => ({
  id,
  key,
  icon,
  label: ({ actions }) => actions[id],
  when: ({ rows }) => rows.length > 0,
  do: (scene) => {
    const row = neighbour(scene, step);
    if (row) show(scene, row);
  },
});

const write = (id: Mode, key: string, icon: LucideIcon): Action => ({
  id,
  key,
  icon,
  label: ({ actions }) => actions[id],
  when: isOpen,
  do: () => compose(id),
});

const field = (
  id: "search" | "assign" | "priority" | "tag",
  key: string,
  icon: LucideIcon,
  place: string,
): Action => ({
  id,
  key,
  icon,
  label: ({ actions }) => actions[id],
  when: (scene) => id === "search" || isOpen(scene) || (id !== "priority" && hasPicked(scene)),
  do: (scene) => {
    if (id !== "search" && id !== "priority" && hasPicked(scene)) return enter(`${id}-all`);
    if (id === "tag") scene.showCustomer(true);
    enter(place);
  },
});

export const ACTIONS: readonly Action[] = [
  walk("next", "j", ArrowDown, 1),
  walk("previous", "k", ArrowUp, -1),
  {
    id: "open",
    key: "Enter",
    icon: Reply,
    label: ({ actions }) => actions.open,
    // A link and a button have Enter for themselves.
    when: ({ row }) => row !== null && document.activeElement === document.body,
    do: () => enter("composer"),
  },
  write("reply", "r", Reply),
  write("note", "n", Lock),
  {
    id: "takeOver",
    key: "t",
    icon: Hand,
    label: ({ actions }) => actions.takeOver,
    short: ({ ai }) => ai.takeOver,
    when: ({ row, me }) =>
      row !== null && !isClosed(row) && !(hasHuman(row) && row.assigned_agent_id === me.id),
    do: async (scene) => {
      await scene.takeOver();
      compose("reply");
    },
    done: ({ done }) => done.takeOver,
  },
  {
    id: "returnToAi",
    icon: Bot,
    label: ({ actions }) => actions.returnToAi,
    when: ({ row }) => row !== null && !isClosed(row) && row.requires_human,
    do: async ({ client, row }) => {
      await client.conversations.open(row!).returnToAi();
      return () => client.conversations.open(row!).takeOver();
    },
    done: ({ done }) => done.returnToAi,
  },
  {
    id: "resolve",
    key: "e",
    icon: CircleCheck,
    label: ({ actions }) => actions.resolve,
    short: ({ actions }) => actions.resolveShort,
    when: (scene) => hasPicked(scene) || (scene.row !== null && !isClosed(scene.row)),
    do: resolve,
    done: ({ done }) => done.resolve,
  },
  {
    id: "reopen",
    icon: RotateCcw,
    label: ({ actions }) => actions.reopen,
    when: ({ row }) => row !== null && isClosed(row),
    do: async ({ client, row }) => {
      await client.conversations.open(row!).reopen();
      return () => client.conversations.open(row!).resolve();
    },
    done: ({ done }) => done.reopen,
  },
  field("assign", "a", UserPlus, "assign"),
  {
    id: "assignToMe",
    icon: UserPlus,
    label: ({ actions }) => actions.assignToMe,
    when: ({ row, me }) => row !== null && row.assigned_agent_id !== me.id,
    do: ({ client, row, me }) => assign(client, row!, me.id),
    done: ({ done }) => done.assign,
  },
  field("priority", "p", Flag, "priority"),
  field("tag", "l", Tag, "tag"),
  {
    id: "pick",
    key: "x",
    icon: SquareCheck,
    label: ({ several }) => several.toggle,
    when: ({ rows }) => rows.length > 0,
    do: (scene) => {
      const row = neighbour(scene, 0);
      if (row) scene.pick(row.id);
    },
  },
  {
    id: "clear",
    key: "Escape",
    icon: X,
    label: ({ several }) => several.clear,
    when: hasPicked,
    do: ({ clearPicked }) => clearPicked(),
  },
  field("search", "/", Search, "search"),
  {
    id: "customer",
    key: "i",
    icon: PanelRight,
    label: ({ actions }) => actions.customer,
    when: isOpen,
    do: ({ showsCustomer, showCustomer }) => showCustomer(!showsCustomer),
  },
  {
    id: "back",
    key: "u",
    icon: ArrowUp,
    label: ({ actions }) => actions.back,
    when: isOpen,
    do: ({ row }) => {
      go({ conversation: null });
      requestAnimationFrame(() => enter(`row-${row!.id}`));
    },
  },
  {
    id: "palette",
    key: "Mod+k",
    icon: Sparkles,
    label: ({ actions }) => actions.palette,
    when: always,
    do: ({ openPalette }) => openPalette(),
  },
  {
    id: "sheet",
    key: "?",
    icon: Keyboard,
    label: ({ actions }) => actions.sheet,
    when: always,
    do: ({ openSheet }) => openSheet(),
  },
  {
    id: "replies",
    icon: SquareSlash,
    label: ({ replies }) => replies.manage,
    when: always,
    do: ({ openReplies }) => openReplies(),
  },
  {
    id: "settings",
    icon: Settings2,
    label: ({ setup }) => setup.title,
    when: always,
    do: ({ openSettings }) => openSettings(),
  },
  ...VIEWS.map((view): Action => ({
    id: `view.${view}`,
    icon: VIEW_ICONS[view],
    label: ({ actions, views }) => actions.view(views[view]),
    when: ({ address }) => address.view !== view,
    do: () => go({ view, conversation: null }),
  })),
  ...(["system", "light", "dark"] as const).map((theme): Action => ({
    id: `theme.${theme}`,
    icon: SunMoon,
    label: ({ actions, themes }) => actions.theme(themes[theme]),
    when: () => readSettings().theme !== theme,
    do: () => change({ theme }),
  })),
  ...Object.entries(LANGUAGES).map(([language, name]): Action => ({
    id: `language.${language}`,
    icon: Languages,
    label: ({ actions }) => actions.language(name),
    when: () => document.documentElement.lang !== language,
    do: () => change({ language } satisfies Partial<Settings>),
  })),
];

function hasHuman({ requires_human, handed_over_at }: ConversationRow): boolean {
  return requires_human && handed_over_at === null;
}

/** The one before or after the open one, or after the one that has the focus. */
function neighbour({ rows, address }: Scene, step: number): ConversationRow | undefined {
  const focused = document.activeElement?.id.replace(/^row-/, "");
  const at = rows.findIndex(({ id }) => id === focused);
  const from = at >= 0 ? at : rows.findIndex(({ id }) => id === address.conversation);
  return rows[from < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, from + step))];
}

function show({ placeIn }: Scene, { id }: ConversationRow): void {
  go({ conversation: id, at: placeIn(id) }, { replace: true });
}

async function resolve(scene: Scene): Promise<false | Undo> {
  const { client, row } = scene;
  if (hasPicked(scene)) {
    await scene.resolvePicked();
    return false;
  }
  const before = row!;
  const next = neighbour(scene, 1);
  await client.conversations.open(before).resolve();
  if (next && next.id !== before.id) show(scene, next);
  else go({ conversation: null });
  return async () => {
    await reopen(client, before);
    show(scene, before);
  };
}

/** Put the focus there, at once or when it is there; a list of choices opens. */
function enter(id: string, isLast = false): void {
  const element = document.getElementById(id);
  element?.focus();
  if (element instanceof HTMLSelectElement) element.showPicker?.();
  if (!element && !isLast) requestAnimationFrame(() => enter(id, true));
}
