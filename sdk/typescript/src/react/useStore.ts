/** A store of the core, in a component. */
import { useSyncExternalStore } from "react";

import type { Store } from "../store.js";

/**
 * Return what a store shows, and render again when it changes.
 *
 * @example
 * ```tsx
 * const { rows } = useStore(client.inbox.view({ requiresHuman: true }));
 * ```
 */
export function useStore<T>(store: Store<T> & { getServerSnapshot?: () => T }): T {
  const { subscribe, getSnapshot, getServerSnapshot } = store;
  return useSyncExternalStore(subscribe, getSnapshot, getServerSnapshot ?? getSnapshot);
}

/** A store that shows the same always: for what is not chosen yet. */
export function constant<T>(value: T): Store<T> {
  return { getSnapshot: () => value, subscribe: () => () => {}, retry: () => {} };
}
