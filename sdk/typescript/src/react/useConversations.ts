/** The conversations that the user may see, kept up to date. */
import { useCallback, useState } from "react";

import { type ListOptions, matches } from "../conversations.js";
import { PermissionDenied } from "../errors.js";
import type { ConversationRow } from "../models.js";
import { isLater } from "../time.js";
import { useRomashka } from "./provider.js";
import { useLatest, useScope } from "./useScope.js";

export interface UseConversationsOptions extends Omit<ListOptions, "before"> {
  /** Without it, nothing is read before `reload`. */
  autoLoad?: boolean;
  /** Is called with each conversation that changed after it was loaded. */
  onChange?: (conversation: ConversationRow) => void;
  onError?: (error: Error) => void;
}

export interface UseConversations {
  /** The latest first. */
  conversations: ConversationRow[];
  isLoading: boolean;
  error: Error | null;
  reload: () => Promise<void>;
}

/**
 * Read a page of conversations, and apply each change to it. Staff see every change at once; customers,
 * who have no inbox, see them with `reload`.
 *
 * @example
 * ```tsx
 * const { conversations } = useConversations({ requiresHuman: true });
 * return conversations.map((row) => <li key={row.id}>{row.last_message}</li>);
 * ```
 */
export function useConversations(options: UseConversationsOptions = {}): UseConversations {
  const { autoLoad = true, onChange, onError, ...filters } = options;
  const client = useRomashka();
  const [rows, setRows] = useState<ConversationRow[]>([]);
  const [isLoading, setLoading] = useState(autoLoad);
  const [error, setError] = useState<Error | null>(null);
  const key = JSON.stringify(filters);
  const latest = useLatest({ filters, rows, onChange, onError });

  const fail = useCallback(
    (failure: Error) => {
      setError(failure);
      setLoading(false);
      latest.current.onError?.(failure);
    },
    [latest],
  );

  const load = useCallback(async (): Promise<ConversationRow[]> => {
    setLoading(true);
    const page = await client.conversations.list(latest.current.filters);
    return page.map(({ row }) => row);
  }, [client, latest]);

  const show = useCallback((loaded: ConversationRow[]) => {
    setRows((before) => loaded.map((row) => newest(before, row)));
    setError(null);
    setLoading(false);
  }, []);

  const apply = useCallback(
    async (changed: ConversationRow) => {
      const shown = latest.current.rows.find(({ id }) => id === changed.id);
      if (shown && !isLater(changed.updated_at, shown.updated_at)) return;
      // A broadcast row lacks its customer.
      const whole = shown ?? (await client.conversations.get(changed.id).catch(() => null))?.row;
      const row = { ...whole, ...changed };
      setRows((before) => updated(before, row, latest.current.filters));
      latest.current.onChange?.(row);
    },
    [client, latest],
  );

  useScope(
    async (scope) => {
      if (!autoLoad) return;
      const loaded = await load();
      if (scope.isOver) return;
      show(loaded);
      const since = loaded.map((row) => row.updated_at).reduce(later, "");
      const events = client.inbox.events(since ? { since } : {});
      try {
        await scope.read(events, ({ conversation }) => apply(conversation));
      } catch (failure) {
        if (!(failure instanceof PermissionDenied)) throw failure; // a customer has no inbox
      }
    },
    fail,
    [client, autoLoad, key],
  );

  const reload = useCallback(() => load().then(show, fail), [load, show, fail]);
  return { conversations: rows, isLoading, error, reload };
}

function updated(
  rows: ConversationRow[],
  row: ConversationRow,
  filters: ListOptions,
): ConversationRow[] {
  const others = rows.filter(({ id }) => id !== row.id);
  if (!matches(row, filters)) return others;
  return [row, ...others].sort((one, other) => timeOf(other) - timeOf(one));
}

/** A page that is read anew may be older than what was heard meanwhile. */
function newest(rows: ConversationRow[], row: ConversationRow): ConversationRow {
  const shown = rows.find(({ id }) => id === row.id);
  return shown && isLater(shown.updated_at, row.updated_at) ? shown : row;
}

const timeOf = (row: ConversationRow): number => Date.parse(row.last_message_at ?? row.created_at);

const later = (one: string, other: string): string => (isLater(one, other) ? one : other);
