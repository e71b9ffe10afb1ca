/** The team's saved replies: read when somebody first asks for them, and again when they may have changed. */
import type { Client, SavedReply } from "romashka";
import { useClient } from "romashka/react";
import { useEffect, useSyncExternalStore } from "react";

import { plain } from "./plain";

const FRESH_MS = 60_000;

let replies: readonly SavedReply[] | null = null;
let readAt = 0;
const watchers = new Set<() => void>();

/** Return them by their shortcuts, or null until they are read; nothing is read while nobody wants them. */
export function useSavedReplies(isWanted: boolean): readonly SavedReply[] | null {
  const client = useClient();
  const known = useSyncExternalStore(subscribe, () => replies);
  useEffect(() => {
    if (isWanted && Date.now() - readAt > FRESH_MS) void readReplies(client).catch(() => {});
  }, [client, isWanted]);
  return known;
}

/** Read them anew: one of them was changed. */
export async function readReplies(client: Client): Promise<void> {
  readAt = Date.now();
  try {
    replies = await client.savedReplies.list();
  } catch (error) {
    readAt = 0;
    throw error;
  }
  watchers.forEach((tell) => tell());
}

/**
 * Return those that a text finds: in the customer's language first, then by where it was found. Of a shortcut that has
 * a reply in their language, the others stay away.
 */
export function search(
  all: readonly SavedReply[],
  text: string,
  language: string | null,
): SavedReply[] {
  const wanted = plain(text);
  const own = new Set(
    all.filter((each) => each.language === language).map((each) => each.shortcut),
  );
  return all
    .filter((each) => !own.has(each.shortcut) || each.language === language || !language)
    .map((reply) => ({ reply, rank: rankOf(reply, wanted), foreign: isForeign(reply, language) }))
    .filter(({ rank }) => rank >= 0)
    .sort(
      (one, other) =>
        Number(one.foreign) - Number(other.foreign) ||
        one.rank - other.rank ||
        one.reply.shortcut.localeCompare(other.reply.shortcut),
    )
    .map(({ reply }) => reply);
}

function isForeign(reply: SavedReply, language: string | null): boolean {
  return language !== null && reply.language !== null && reply.language !== language;
}

function rankOf({ shortcut, title, content }: SavedReply, wanted: string): number {
  if (plain(shortcut).startsWith(wanted)) return 0;
  if (plain(title).includes(wanted)) return 1;
  if (plain(shortcut).includes(wanted)) return 2;
  return plain(content).includes(wanted) ? 3 : -1;
}

function subscribe(onChange: () => void): () => void {
  watchers.add(onChange);
  return () => watchers.delete(onChange);
}
