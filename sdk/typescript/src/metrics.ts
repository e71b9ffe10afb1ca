/** `client.metrics`: does the team keep its promises, in figures. */
import { callForAll } from "./allRows.js";
import type { Core } from "./core.js";
import type { Database, Json } from "./database.js";
import type { ChannelType, ConversationRow } from "./models.js";

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

/** The turns of one channel, or of all, that began in a time. */
export type LevelOfTime = Omit<ServiceLevel, "queue_depth" | "oldest_waiting_ms" | "set_aside"> & {
  conversations: number;
};

export interface LevelOfBucket {
  starts_at: string;
  ends_at: string;
  /** By channel, and last of all together; none where nobody wrote. */
  channels: LevelOfTime[];
}

export interface LevelOverTime {
  /** Of the whole range. */
  channels: LevelOfTime[];
  /** In their order, empty ones too. */
  buckets: LevelOfBucket[];
}

/** From when, to when: now, unless it says otherwise. */
export interface LevelRange {
  from: Date | string;
  to?: Date | string;
}

/** Which figure: what it counts. */
export interface FigureFilters {
  channelType?: ChannelType;
  outcome?: "replied" | "escalated";
  reason?: string;
  within6s?: boolean;
  resolvedByAi?: boolean;
  delivered?: boolean;
}

/** A conversation behind a figure, with the latest of its turns that the figure counts. */
export interface FigureRow {
  turn_id: string;
  started_at: string;
  outcome: "replied" | "escalated";
  reason: string | null;
  answer_ms: number;
  /** How many of its turns the figure counts. */
  turns: number;
  conversation: ConversationRow;
}

/** Where a page ends. */
export type FigurePlace = { [name: string]: Json };

export interface FigurePage {
  rows: FigureRow[];
  /** Gives the page after this one; null if this is the last. */
  next: FigurePlace | null;
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

  /**
   * Return the service level over time, by channel: of the range, and of each hour, day, week or month of it.
   *
   * Days are those of `timezone`, the browser's unless it says otherwise.
   *
   * @throws {@link PermissionDenied} the caller is no staff
   * @throws {@link InvalidRequest} the range is longer than 400 days (hours: 31), or backwards
   * @example
   * ```ts
   * const { buckets } = await client.metrics.serviceLevelOverTime({ from: "2026-03-01" }, "day");
   * ```
   */
  async serviceLevelOverTime(
    range: LevelRange,
    bucket: "hour" | "day" | "week" | "month" = "day",
    timezone = Intl.DateTimeFormat().resolvedOptions().timeZone,
  ): Promise<LevelOverTime> {
    const parameters = { ...timesOf(range), bucket, timezone };
    const found: unknown = await this.core.call("get_service_level", parameters);
    return found as LevelOverTime;
  }

  /**
   * Return the conversations behind a figure of {@link Metrics.serviceLevelOverTime}, the latest first.
   *
   * @throws {@link PermissionDenied} the caller is no staff
   * @example
   * ```ts
   * const { rows, next } = await client.metrics.conversationsBehind(bucketRange, { within6s: false });
   * ```
   */
  async conversationsBehind(
    range: LevelRange,
    { channelType, outcome, reason, within6s, resolvedByAi, delivered }: FigureFilters = {},
    { after, limit = 50 }: { after?: FigurePlace | null; limit?: number } = {},
  ): Promise<FigurePage> {
    const filters = {
      channel_type: channelType,
      outcome,
      reason,
      within_6s: within6s,
      resolved_by_ai: resolvedByAi,
      delivered,
    };
    const given = Object.entries(filters).filter(([, value]) => value !== undefined);
    const found: unknown = await this.core.call("get_service_level_conversations", {
      ends_at: new Date().toISOString(),
      ...timesOf(range),
      filters: Object.fromEntries(given) as { [name: string]: Json },
      max_results: limit,
      ...(after && { after }),
    });
    return found as FigurePage;
  }
}

function timesOf({ from, to }: LevelRange): { starts_at: string; ends_at?: string } {
  const text = (time: Date | string) => (typeof time === "string" ? time : time.toISOString());
  return { starts_at: text(from), ...(to !== undefined && { ends_at: text(to) }) };
}
