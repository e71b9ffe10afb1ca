/**
 * Replies on their way: kept in this browser until they are stored, and sent again as soon as the project is reached,
 * whichever conversation is open by then. Each has one id, so that it is stored once.
 */
import { type Client, RomashkaError, type SendOptions, Unreachable } from "romashka";

import { draftKey, readDraft, writeDraft } from "./drafts";
import { arrived, comeBack, forgetFiles, hasChosen } from "./files";

/** What a reload finds is sent, if it is no older; else it is a draft again. */
const FRESH_MS = 10 * 60_000;

interface Kept {
  id: string;
  conversationId: string;
  text: string;
  at: number;
}

let keptAs = "";
/** The conversations in which something may wait. */
const waiting = new Set<string>();

/** Send again what this user's browser still has, and whatever waits for a connection; return what ends it. */
export function followSending(client: Client, userId: string): () => void {
  keptAs = `romashka.unsent.${userId}`;
  for (const { id, conversationId, text, at } of kept()) {
    if (Date.now() - at < FRESH_MS) post(client, conversationId, text, { id });
    else backToDraft(conversationId, text, id);
  }
  let wasLive = false;
  return client.connection.subscribe(() => {
    const isLive = client.connection.getSnapshot().state === "live";
    if (isLive && !wasLive) sendLost(client);
    wasLive = isLive;
  });
}

/** Send a reply; what becomes of it is in the thread's `outgoing`. */
export function post(
  client: Client,
  conversationId: string,
  text: string,
  { id = crypto.randomUUID(), attachment }: Pick<SendOptions, "id" | "attachment"> = {},
): void {
  waiting.add(conversationId);
  if (!attachment) keep({ id, conversationId, text, at: Date.now() });
  const options: SendOptions = { id, senderType: "agent", ...(attachment && { attachment }) };
  settle(id, client.conversations.thread(conversationId).send(text, options));
}

/** Try again what could not be sent. */
export function postAgain(client: Client, conversationId: string, id: string): void {
  settle(id, client.conversations.thread(conversationId).retrySend(id));
}

/** Give one up. */
export function discard(client: Client, conversationId: string, id: string): void {
  client.conversations.thread(conversationId).discard(id);
  comeBack(id, conversationId, false);
  forget(id);
}

/** Whoever wrote them leaves: what is not stored is a draft again. */
export function stopSending(): void {
  kept().forEach(({ id, conversationId, text }) => backToDraft(conversationId, text, id));
  waiting.clear();
  forgetFiles();
}

/** Is something chosen, or on its way, that a closed page would lose or leave behind? */
export function isSending(client: Client): boolean {
  return hasChosen() || [...waiting].some((id) => outgoing(client, id).length > 0);
}

/** Did it fail because nobody could be reached? */
export function isLost({ state, error }: { state: string; error: Error | null }): boolean {
  return state === "failed" && error instanceof Unreachable;
}

function sendLost(client: Client): void {
  for (const conversationId of waiting) {
    const lost = outgoing(client, conversationId).filter(isLost);
    lost.forEach(({ id }) => postAgain(client, conversationId, id));
  }
}

function outgoing(client: Client, conversationId: string) {
  return client.conversations.thread(conversationId).getSnapshot().outgoing;
}

/** What failed stays, in `outgoing` and here, until somebody decides. */
function settle(id: string, sent: Promise<unknown>): void {
  sent.then(
    () => {
      forget(id);
      arrived(id);
    },
    (error: unknown) => error instanceof RomashkaError || forget(id),
  );
}

function backToDraft(conversationId: string, text: string, id: string): void {
  const key = draftKey(conversationId, "reply");
  writeDraft(key, [readDraft(key), text].filter(Boolean).join("\n"));
  forget(id);
}

function kept(): Kept[] {
  try {
    return JSON.parse(localStorage.getItem(keptAs) ?? "[]") as Kept[];
  } catch {
    return [];
  }
}

function keep(message: Kept): void {
  write([...kept().filter(({ id }) => id !== message.id), message]);
}

function forget(id: string): void {
  const all = kept();
  if (all.some((each) => each.id === id)) write(all.filter((each) => each.id !== id));
}

function write(all: Kept[]): void {
  try {
    if (all.length > 0) localStorage.setItem(keptAs, JSON.stringify(all));
    else localStorage.removeItem(keptAs);
  } catch {
    // It is full, or closed to the page: a reload asks first.
  }
}
