/** What a search of the inbox finds: conversations, by whom they are with and by what was said. */
import type { Core } from "./core.js";
import type { Json } from "./database.js";
import type { ConversationRow, SenderType } from "./models.js";

/** A piece of a text; what was looked for, or what stands around it. */
export interface ExcerptPart {
  text: string;
  is_match: boolean;
}

/** A conversation that was found. */
export interface SearchHit {
  /** By whom it is with, or by what was said. */
  kind: "customer" | "message";
  /** The newest message that matches, at its position; null where it was found by its customer. */
  message_id: string | null;
  position: number | null;
  sender_type: SenderType | null;
  created_at: string | null;
  /** Text, never markup: of the message, or of the customer's names and addresses. */
  excerpt: ExcerptPart[];
  conversation: ConversationRow;
}

export interface SearchPage {
  /** Best first: customers, then messages with the words, then with parts of them; of each the latest first. */
  hits: SearchHit[];
  /** Gives the page after this one; null if this is the last. */
  next: SearchPlace | null;
}

/** Where a page ends. */
export type SearchPlace = { [name: string]: Json };

export interface SearchOptions {
  /** `next` of the page before. */
  after?: SearchPlace | null;
  /** 20, unless it says otherwise; at most 100. */
  limit?: number;
  /** Gives it up: what is typed on is looked for instead. */
  signal?: AbortSignal;
}

/** Find conversations: the body of `client.inbox.search`. */
export async function search(
  core: Core,
  query: string,
  { after, limit = 20, signal }: SearchOptions,
): Promise<SearchPage> {
  const parameters = { query, max_results: limit, ...(after && { after }) };
  const page: unknown = await core.call("search_conversations", parameters, { signal });
  return page as SearchPage;
}
