/** What can be done, in one place: buttons, keys, the palette and the sheet come from it. */
import type { LucideIcon } from "lucide-react";
import type { ConversationRow, Romashka } from "romashka";

import type { Address } from "../address/address";
import type { Me } from "../session/session";
import type { Strings } from "../strings";

/** What an action works on, as it is when it is done. */
export interface Scene {
  client: Romashka;
  me: Me;
  address: Address;
  /** The open conversation. */
  row: ConversationRow | null;
  /** The list, as it is shown. */
  rows: readonly ConversationRow[];
  /** Where a search found something in a conversation. */
  placeIn: (id: string) => number | null;
  /** Those that are picked, to do something with all of them. */
  picked: ReadonlyMap<string, ConversationRow>;
  pick: (id: string) => void;
  clearPicked: () => void;
  /** Resolve all that are picked, and say what became of it. */
  resolvePicked: () => Promise<void>;
  /** Is a reply being written by the AI? */
  isDrafting: boolean;
  /** Take over: of a draft that is being written, the database says which was first. */
  takeOver: () => Promise<void>;
  showsCustomer: boolean;
  showCustomer: (isShown: boolean) => void;
  openPalette: () => void;
  openSheet: () => void;
  openReplies: () => void;
  openSettings: () => void;
}

/** The way back. */
export type Undo = () => Promise<unknown>;

export interface Action {
  id: string;
  label: (strings: Strings) => string;
  /** On a button with little room. */
  short?: (strings: Strings) => string;
  icon: LucideIcon;
  /** One key, such as `j`; or `Mod+k`, where Mod is Command or Control. Never with Alt: that types ą and @. */
  key?: string;
  when: (scene: Scene) => boolean;
  /** Do it; return the way back, if there is one; or false, if it says itself what was done. */
  do: (scene: Scene) => void | Undo | Promise<void | false | Undo>;
  /** What is said when it was done. */
  done?: (strings: Strings) => string;
}
