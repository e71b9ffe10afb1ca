/** Is what is shown up to date? */
import type { ConnectionState } from "../connection.js";
import { useClient } from "./provider.js";
import { useStore } from "./useStore.js";

/**
 * Return how the connection is, and since when.
 *
 * @example
 * ```tsx
 * const { state, since } = useConnection();
 * return state === "offline" ? <p>Offline since {new Date(since).toLocaleTimeString()}</p> : null;
 * ```
 */
export function useConnection(): ConnectionState {
  return useStore(useClient().connection);
}
