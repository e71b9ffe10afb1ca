/** What a search finds, as it is typed: over all messages and customers, whatever the view. */
import type { SearchHit } from "romashka";
import { useClient } from "romashka/react";
import { useEffect, useState } from "react";

const PAUSE_MS = 150;
const MOST = 50;

export interface Found {
  /** What was looked for. */
  of: string;
  hits: readonly SearchHit[];
  state: "loading" | "done" | "failed";
}

const NOTHING: Found = { of: "", hits: [], state: "loading" };

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
        const { hits } = await inbox.search(query, { limit: MOST, signal: asked.signal });
        setFound({ of: query, hits, state: "done" });
      } catch {
        if (!asked.signal.aborted) setFound({ of: query, hits: [], state: "failed" });
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      asked.abort();
    };
  }, [inbox, query]);
  useEffect(
    () =>
      inbox.observe((row) =>
        setFound((before) => {
          if (!before.hits.some(({ conversation }) => conversation.id === row.id)) return before;
          const hits = before.hits.map((hit) =>
            hit.conversation.id === row.id ? { ...hit, conversation: row } : hit,
          );
          return { ...before, hits };
        }),
      ),
    [inbox],
  );
  if (!query) return null;
  if (found.of === query) return found;
  // While somebody types on, what was found for the beginning stays until there is something better.
  const isTypedOn = found.hits.length > 0 && query.startsWith(found.of);
  return isTypedOn ? found : NOTHING;
}
