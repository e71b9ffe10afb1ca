/** The conversations that the user may see, kept up to date. */
import { useCallback, useEffect, useState } from "react";

import { PermissionDenied } from "../errors.js";
import type { ConversationRow } from "../models.js";
import type { ViewFilters, ViewState } from "../view.js";
import { errorOfReading } from "./errorOfReading.js";
import { useClient } from "./provider.js";
import { useLatest } from "./useScope.js";
import { constant, useStore } from "./useStore.js";

export interface UseConversationsOptions extends ViewFilters {
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

const NOT_YET = constant<ViewState>({ rows: [], hasMore: false, state: "loading", error: null });

/**
 * Show a page of conversations, and each change of it. Staff see every change at once; customers, who have no inbox,
 * see them with `reload`.
 *
 * @example
 * ```tsx
 * const { conversations } = useConversations({ requiresHuman: true });
 * return conversations.map((row) => <li key={row.id}>{row.last_message}</li>);
 * ```
 */
export function useConversations(options: UseConversationsOptions = {}): UseConversations {
  const { autoLoad = true, onChange, onError, ...filters } = options;
  const { inbox } = useClient();
  const [isWanted, setWanted] = useState(autoLoad);
  const view = inbox.view(filters);
  const shown = useStore(isWanted ? view : NOT_YET);
  const latest = useLatest({ onChange, onError });

  const isCustomers =
    shown.error instanceof PermissionDenied && shown.error.code === "unauthorized";
  const error = isCustomers ? null : errorOfReading(shown);
  useEffect(() => {
    if (error) latest.current.onError?.(error);
  }, [error, latest]);
  useEffect(() => inbox.observe((row) => latest.current.onChange?.(row)), [inbox, latest]);

  const reload = useCallback(() => {
    setWanted(true);
    return view.refresh();
  }, [view]);
  const isLoading = isWanted && shown.state === "loading" && !error;
  const conversations = shown.rows as ConversationRow[];
  return { conversations, isLoading, error, reload };
}
