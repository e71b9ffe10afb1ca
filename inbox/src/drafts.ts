/**
 * What somebody of the team has begun to write, by conversation and mode: kept in this browser at once, and in the
 * project a moment later, so that it is on each of their devices.
 *
 * Whoever writes knows the revision that they write on; another device's text is never overwritten, but shown.
 */
import { Conflict, type DraftList, type MessageDraft, NotFound } from "romashka";
import { useCallback, useSyncExternalStore } from "react";

export type Mode = MessageDraft["mode"];

/** So long nobody types before it is kept in the project. */
const PAUSE_MS = 800;
/** What could not be kept is tried again. */
const AGAIN_MS = 5_000;
/** The project keeps no longer ones: they are in this browser alone. */
const MOST = 20_000;

/** What another device has written since; null while nothing has. */
export type Rival = Pick<MessageDraft, "content" | "updated_at" | "revision"> | null;

interface Entry {
  text: string;
  /** The state in the project that the text follows; 0 where there is none. */
  revision: number;
  /** The latest state that is known, also of what is gone. */
  heard: number;
  /** It is not kept in the project yet. */
  isDirty: boolean;
  /** The project has had it: where it has not any more, it was sent, or removed. */
  wasThere: boolean;
  rival: Rival;
  /** What is being kept at this moment. */
  saving?: string | undefined;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

/** Where drafts are kept: `client.drafts`. */
export interface Keeper {
  readonly mine: Pick<DraftList, "getSnapshot" | "subscribe">;
  list(): Promise<MessageDraft[]>;
  save(
    conversationId: string,
    content: string,
    options: { mode: Mode; revision: number },
  ): Promise<number>;
}

const entries = new Map<string, Entry>();
const watchers = new Set<() => void>();
let prefix = "";
let keeper: Keeper | null = null;

/** A reply and a note of one conversation are two drafts. */
export function draftKey(conversationId: string, mode: Mode): string {
  return `${mode}:${conversationId}`;
}

/** Have the drafts of this user, as this browser has them; and nobody else's. */
export function openDrafts(userId: string): void {
  entries.clear();
  prefix = `romashka.draft.${userId}.`;
  for (const name of keptNames()) {
    const { text, revision, isDirty } = parsed(localStorage.getItem(name));
    if (text) {
      const known = { text, revision, isDirty, heard: revision, wasThere: true, rival: null };
      entries.set(name.slice(prefix.length), known);
    }
  }
  tell();
}

/** Keep them in the project, and hear what other devices write; return what ends it. */
export function followDrafts(drafts: Keeper): () => void {
  keeper = drafts;
  const leave = drafts.mine.subscribe(takeIn);
  takeIn();
  const again = setInterval(saveAll, AGAIN_MS);
  const onHidden = () => document.visibilityState === "hidden" && saveAll();
  document.addEventListener("visibilitychange", onHidden);
  return () => {
    leave();
    clearInterval(again);
    document.removeEventListener("visibilitychange", onHidden);
    if (keeper === drafts) keeper = null;
  };
}

/** Keep what can be kept within a moment, and forget all: whoever wrote them leaves. */
export async function forgetDrafts(withinMs = 2_000): Promise<void> {
  const saved = Promise.all([...entries.keys()].map(save));
  await Promise.race([saved, new Promise((over) => setTimeout(over, withinMs))]);
  keeper = null;
  entries.forEach(({ timer }) => clearTimeout(timer));
  entries.clear();
  keptNames().forEach((name) => localStorage.removeItem(name));
  tell();
}

export function readDraft(key: string): string {
  return entries.get(key)?.text ?? "";
}

export function writeDraft(key: string, text: string): void {
  const entry = entries.get(key) ?? added(key);
  if (entry.text === text) return;
  entry.text = text;
  entry.isDirty = true;
  changed(key, entry);
  clearTimeout(entry.timer);
  entry.timer = setTimeout(() => void save(key), text ? PAUSE_MS : 0);
}

export function useDraft(key: string): [string, (text: string) => void] {
  const text = useSyncExternalStore(subscribe, () => readDraft(key));
  return [text, useCallback((next: string) => writeDraft(key, next), [key])];
}

/** What a list says of a conversation's drafts. */
export function useDraftOf(conversationId: string): string {
  return useSyncExternalStore(
    subscribe,
    () =>
      readDraft(draftKey(conversationId, "reply")) || readDraft(draftKey(conversationId, "note")),
  );
}

/** What another device wrote, and which of the two is to stay. */
export function useRival(key: string): [Rival, (taken: boolean) => void] {
  const rival = useSyncExternalStore(subscribe, () => entries.get(key)?.rival ?? null);
  return [rival, useCallback((taken: boolean) => decide(key, taken), [key])];
}

function decide(key: string, isTaken: boolean): void {
  const entry = entries.get(key);
  if (!entry?.rival) return;
  entry.revision = entry.rival.revision;
  if (isTaken) entry.text = entry.rival.content;
  entry.isDirty = !isTaken;
  entry.rival = null;
  changed(key, entry);
  if (!isTaken) void save(key);
}

/** Another device wrote, or sent, or removed something. */
function takeIn(): void {
  if (!keeper) return; // whoever wrote them left
  const { drafts, state } = keeper.mine.getSnapshot();
  const there = new Set<string>();
  for (const draft of drafts) {
    const key = draftKey(draft.conversation_id, draft.mode);
    there.add(key);
    meet(key, draft);
  }
  if (state !== "live" && state !== "catching up") return;
  for (const [key, entry] of entries) if (entry.wasThere && !there.has(key)) miss(key, entry);
}

/** Take a state that the project has. */
function meet(key: string, draft: MessageDraft): void {
  const entry = entries.get(key) ?? added(key);
  entry.wasThere = true;
  if (draft.revision <= entry.heard) return;
  entry.heard = draft.revision;
  const { content } = draft;
  const isOurs = content === entry.text || content === entry.saving;
  // What was sent from here is empty: what there is of it still is removed.
  if (isOurs || !entry.isDirty || entry.text === "") entry.revision = draft.revision;
  else entry.rival = draft;
  if (!entry.isDirty) entry.text = content;
  if (content === entry.text) [entry.isDirty, entry.rival] = [false, null];
  changed(key, entry);
}

/** It was sent, or removed, elsewhere; what was written here since stays. */
function miss(key: string, entry: Entry): void {
  entry.wasThere = false;
  entry.revision = 0;
  entry.rival = null;
  if (!entry.isDirty) entry.text = "";
  changed(key, entry);
}

function saveAll(): void {
  entries.forEach((_, key) => void save(key));
}

/** Keep one, each state of it after the one before; what fails is tried again. */
async function save(key: string): Promise<void> {
  const entry = entries.get(key);
  if (!entry || entry.saving !== undefined) return;
  try {
    while (keeper && entry.isDirty && !entry.rival && entry.text.length <= MOST) {
      await saveOnce(key, entry, keeper);
      entry.saving = undefined;
      changed(key, entry);
    }
  } catch (error) {
    if (error instanceof NotFound) entry.isDirty = false; // its conversation is gone
  } finally {
    entry.saving = undefined;
  }
}

async function saveOnce(key: string, entry: Entry, drafts: Keeper): Promise<void> {
  const [mode, conversationId] = key.split(":") as [Mode, string];
  const text = entry.text;
  entry.saving = text;
  try {
    const revision = await drafts.save(conversationId, text, { mode, revision: entry.revision });
    entry.revision = revision;
    entry.heard = Math.max(entry.heard, revision);
    if (entry.text === text) entry.isDirty = false;
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    const other = (await drafts.list()).find(
      (each) => draftKey(each.conversation_id, each.mode) === key,
    );
    entry.saving = undefined;
    if (other) meet(key, other);
    else entry.revision = 0; // it was sent, or removed: nothing is overwritten
  }
}

function added(key: string): Entry {
  const entry = {
    text: "",
    revision: 0,
    heard: 0,
    isDirty: false,
    wasThere: false,
    rival: null,
  };
  entries.set(key, entry);
  return entry;
}

/** Keep it in this browser, and tell. */
function changed(key: string, entry: Entry): void {
  const { text, revision, isDirty } = entry;
  try {
    if (text) localStorage.setItem(prefix + key, JSON.stringify({ text, revision, isDirty }));
    else localStorage.removeItem(prefix + key);
  } catch {
    // It is full, or closed to the page: it is there until the page is closed.
  }
  tell();
}

function keptNames(): string[] {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
}

function parsed(kept: string | null): Pick<Entry, "text" | "revision" | "isDirty"> {
  try {
    const { text, revision, isDirty } = JSON.parse(kept ?? "") as Record<string, unknown>;
    return { text: String(text ?? ""), revision: Number(revision) || 0, isDirty: Boolean(isDirty) };
  } catch {
    return { text: "", revision: 0, isDirty: false };
  }
}

function tell(): void {
  watchers.forEach((each) => each());
}

function subscribe(onChange: () => void): () => void {
  watchers.add(onChange);
  return () => watchers.delete(onChange);
}
