/** `client.metrics`: does the team keep its promises, in figures. */
import { callForAll } from "./allRows.js";
import type { Core } from "./core.js";
import type { Database } from "./database.js";

type Row = Database["public"]["Functions"]["get_messaging_slo"]["Returns"][number];
type Share = "within_6s" | "resolved_by_ai" | "delivered" | "p50_ms" | "p95_ms" | "p99_ms";

/** The turns of one channel, or of all (`channel_type` is `all`), in a window of time. */
export interface ServiceLevel extends Omit<Row, Share | "escalations"> {
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  /** The share of turns that were answered within 6 s; null without turns. */
  within_6s: number | null;
  resolved_by_ai: number | null;
  delivered: number | null;
  /** How many turns were handed over, by reason. */
  escalations: Record<string, number>;
}

/** For staff; one conversation's figures are `conversation.metrics()`. */
export class Metrics {
  constructor(private readonly core: Core) {}

  /**
   * Return the service level of the last minutes: by channel, and last of all together.
   *
   * @throws {@link PermissionDenied} the caller is no staff
   * @throws {@link InvalidRequest} the window is not 1 minute to 31 days
   * @example
   * ```ts
   * const everything = (await client.metrics.serviceLevel(60)).at(-1);
   * ```
   */
  async serviceLevel(windowMinutes = 60): Promise<ServiceLevel[]> {
    const window = { window_minutes: windowMinutes };
    return callForAll(this.core, "get_messaging_slo", window);
  }
}
