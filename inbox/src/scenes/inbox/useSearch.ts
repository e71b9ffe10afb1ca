/** What a search finds, as it is typed: over all messages and customers, whatever the view. */
import type { Inbox, SearchHit, SearchPlace } from "romashka";
import { useClient } from "romashka/react";
import { useCallback, useEffect, useRef, useState } from "react";

const PAUSE_MS = 150;
const PAGE = 50;

interface Results {
  /** What was looked for. */
  of: string;
  hits: readonly SearchHit[];
  /** Gives the next page. */
  next: SearchPlace | null;
  state: "loading" | "done" | "failed";
}

export interface Found extends Results {
  hasMore: boolean;
  loadMore: () => void;
}

const NOTHING: Results = { of: "", hits: [], next: null, state: "loading" };

/** Return it; null while nothing is looked for. */
export function useSearch(text: string): Found | null {
  const { inbox } = useClient();
  const [found, setFound] = useState(NOTHING);
  const query = text.trim();
  useEffect(() => {
    if (!query) return;
    const asked = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const page = await inbox.search(query, { limit: PAGE, signal: asked.signal });
        setFound({ of: query, ...page, state: "done" });
      } catch {
        if (!asked.signal.aborted) setFound({ ...NOTHING, of: query, state: "failed" });
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      asked.abort();
    };
  }, [inbox, query]);
  useLatestRows(inbox, setFound);
  const loadMore = useMore(inbox, found, setFound);
  if (!query) return null;
  // While somebody types on, what was found for the beginning stays until there is something better.
  const isTypedOn = found.hits.length > 0 && query.startsWith(found.of);
  const shown = found.of === query || isTypedOn ? found : NOTHING;
  return { ...shown, hasMore: shown.next !== null, loadMore };
}

type Change = (before: Results) => Results;

/** Each conversation is shown as it is now; one that is deleted is not. */
function useLatestRows(inbox: Inbox, setFound: (change: Change) => void): void {
  useEffect(() => {
    const has = ({ hits }: Results, id: string) => hits.some((hit) => hit.conversation.id === id);
    return inbox.observe(
      (row) =>
        setFound((before) => {
          if (!has(before, row.id)) return before;
          const hits = before.hits.map((hit) =>
            hit.conversation.id === row.id && hit.conversation.updated_at < row.updated_at
              ? { ...hit, conversation: row }
              : hit,
          );
          return { ...before, hits };
        }),
      (id) =>
        setFound((before) => {
          if (!has(before, id)) return before;
          return { ...before, hits: before.hits.filter((hit) => hit.conversation.id !== id) };
        }),
    );
  }, [inbox, setFound]);
}

/** Read the next page; who asks again meanwhile asks for nothing. */
function useMore(inbox: Inbox, found: Results, setFound: (change: Change) => void): () => void {
  const latest = useRef(found);
  useEffect(() => void (latest.current = found));
  const isAsked = useRef(false);
  return useCallback(() => {
    const { of, next } = latest.current;
    if (!next || isAsked.current) return;
    isAsked.current = true;
    inbox
      .search(of, { after: next, limit: PAGE })
      .then((page) => setFound((before) => withPage(before, of, next, page)))
      .catch(() => {}) // it is asked for again when the list is scrolled
      .finally(() => (isAsked.current = false));
  }, [inbox, setFound]);
}

function withPage(
  before: Results,
  of: string,
  after: SearchPlace,
  page: Pick<Results, "hits" | "next">,
): Results {
  if (before.of !== of || before.next !== after) return before;
  const known = new Set(before.hits.map(({ conversation }) => conversation.id));
  const hits = page.hits.filter(({ conversation }) => !known.has(conversation.id));
  return { ...before, hits: [...before.hits, ...hits], next: page.next };
}
