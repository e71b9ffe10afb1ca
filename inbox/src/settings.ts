/** What somebody prefers, kept in this browser; without storage, for as long as the page is open. */
import { useSyncExternalStore } from "react";

export interface Settings {
  theme: "system" | "light" | "dark";
  language: string | null;
  /** Do keys without Mod do something? */
  hasSingleKeys: boolean;
  /** Does Enter send, or Mod+Enter? */
  enterSends: boolean;
  showsCustomer: boolean;
  /** Is what waits for a human told by the system, and by a sound? */
  notifies: boolean;
  sounds: boolean;
}

const KEY = "romashka.inbox";
const AT_FIRST: Settings = {
  theme: "system",
  language: null,
  hasSingleKeys: true,
  enterSends: true,
  showsCustomer: true,
  notifies: false,
  sounds: false,
};

let settings: Settings = { ...AT_FIRST, ...kept() };
const watchers = new Set<() => void>();

export function readSettings(): Settings {
  return settings;
}

export function useSettings(): Settings {
  return useSyncExternalStore(subscribe, readSettings);
}

export function change(changes: Partial<Settings>): void {
  settings = { ...settings, ...changes };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // It is kept until the page is closed.
  }
  watchers.forEach((tell) => tell());
}

function kept(): Partial<Settings> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>;
  } catch {
    return {};
  }
}

function subscribe(onChange: () => void): () => void {
  watchers.add(onChange);
  return () => watchers.delete(onChange);
}
