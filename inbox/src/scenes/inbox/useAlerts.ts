/** What waits for a human is told by the system and by a sound, to who wants that: once, by one tab, while they look elsewhere. */
import { type Client, type ConversationRow, whoAnswers } from "romashka";
import { useClient } from "romashka/react";
import { useEffect, useRef } from "react";

import { go } from "../../address/useAddress";
import { nameOf, unreadOf } from "../../people";
import { readSettings } from "../../settings";
import { type Strings, useStrings } from "../../strings";

/** What began longer ago is no news: a tag was added, or the page slept. */
const NEWS_MS = 60_000;
const LONGEST = 200;
/** Of so many it is known that they were told. */
const MAX_TOLD = 1_000;

export function useAlerts(me: string): void {
  const client = useClient();
  const strings = useStrings();
  const latest = useRef(strings);
  useEffect(() => void (latest.current = strings));
  useEffect(() => {
    const told = new Set<string>();
    return client.inbox.observe((row) => {
      const key = newsOf(row, me, client);
      if (!key || told.has(key)) return;
      told.add(key);
      if (told.size > MAX_TOLD) for (const first of told) return void told.delete(first);
      if (!document.hasFocus()) void inOneTab(key, () => alert(row, latest.current));
    });
  }, [client, me]);
}

/** What is new to the one in front of the screen, by a key; null if nothing is. */
function newsOf(row: ConversationRow, me: string, client: Client): string | null {
  const now = client.now();
  const isRecent = (time: string | null) => time !== null && now - Date.parse(time) < NEWS_MS;
  const { who, waitingSince } = whoAnswers(row, now);
  if (who === "waiting") return isRecent(waitingSince) ? `${row.id} ${waitingSince}` : null;
  const isMine = who === "human" && row.assigned_agent_id === me && unreadOf(row) > 0;
  return isMine && isRecent(row.last_message_at) ? `${row.id} ${row.message_count}` : null;
}

/** Several tabs hear the same. */
async function inOneTab(key: string, work: () => void): Promise<void> {
  if (!("locks" in navigator)) return work();
  await navigator.locks.request(`romashka.alert.${key}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    work();
    await new Promise((resolve) => setTimeout(resolve, 5_000)); // the others hear it within this
  });
}

function alert(row: ConversationRow, strings: Strings): void {
  const { notifies, sounds } = readSettings();
  if (sounds) void import("../../chime").then(({ chime }) => chime());
  if (!notifies || !("Notification" in window) || Notification.permission !== "granted") return;
  const shown = new Notification(nameOf(row, strings), {
    body: (row.last_message ?? "").slice(0, LONGEST),
    tag: row.id, // a later one of the same conversation takes its place
    icon: "./favicon.svg",
    silent: true,
  });
  shown.onclick = () => {
    window.focus();
    shown.close();
    go({ conversation: row.id });
  };
}
