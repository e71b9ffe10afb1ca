/** A list of conversations that stays as the database has it. */
import type { View, ViewFilters, ViewState } from "../view.js";
import { useClient } from "./provider.js";
import { useStore } from "./useStore.js";

export interface UseInboxView extends ViewState {
  /** `loadMore()`, `retry()`. */
  view: View;
}

/**
 * Show a list of conversations; components with equal filters share it.
 *
 * @example
 * ```tsx
 * const { rows, hasMore, view } = useInboxView({ requiresHuman: true });
 * return rows.map((row) => <li key={row.id}>{row.last_message}</li>);
 * ```
 */
export function useInboxView(filters: ViewFilters = {}): UseInboxView {
  const view = useClient().inbox.view(filters);
  return { ...useStore(view), view };
}
