/** What the hooks of before call an error: not that the connection is lost, which mends itself. */
import type { StoreState } from "../store.js";

export function errorOfReading(shown: { state: StoreState; error: Error | null }): Error | null {
  return shown.state === "loading" || shown.state === "refused" ? shown.error : null;
}
