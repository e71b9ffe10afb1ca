/** What somebody of the team has begun to write, by conversation; kept in this tab, also over a reload. */
import { useCallback, useSyncExternalStore } from "react";

const KEY = "romashka.drafts";
let drafts = new Map<string, string>();
const watchers = new Set<() => void>();

/** Have the drafts of this user, and nobody else's. */
export function openDrafts(userId: string): void {
  drafts = new Map();
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as {
      of?: string;
      texts?: [string, string][];
    };
    if (kept.of === userId) drafts = new Map(kept.texts);
  } catch {
    // They are there until the page is closed.
  }
  keep = () => sessionStorage.setItem(KEY, JSON.stringify({ of: userId, texts: [...drafts] }));
}

/** Forget all: whoever wrote them left. */
export function forgetDrafts(): void {
  drafts = new Map();
  sessionStorage.removeItem(KEY);
}

let keep = (): void => {};

export type Mode = "reply" | "note";

/** A reply and a note of one conversation are two drafts. */
export function draftKey(conversationId: string, mode: Mode): string {
  return `${mode}:${conversationId}`;
}

export function writeDraft(id: string, text: string): void {
  drafts = new Map(drafts);
  if (text) drafts.set(id, text);
  else drafts.delete(id);
  try {
    keep();
  } catch {
    // It is full, or closed to the page.
  }
  watchers.forEach((tell) => tell());
}

export function readDraft(id: string): string {
  return drafts.get(id) ?? "";
}

export function useDraft(id: string): [string, (text: string) => void] {
  const text = useSyncExternalStore(subscribe, () => readDraft(id));
  return [text, useCallback((next: string) => writeDraft(id, next), [id])];
}

function subscribe(onChange: () => void): () => void {
  watchers.add(onChange);
  return () => watchers.delete(onChange);
}
