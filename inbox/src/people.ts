/** Names of customers and of the team, as rows have them. */
import type { ConversationRow } from "romashka";
import type { Strings } from "./strings";

/** What the team knows of one of its own. */
export interface Colleague {
  id: string;
  name: string;
}

export type Team = ReadonlyMap<string, Colleague>;

export function nameOf(row: ConversationRow, strings: Strings): string {
  const { customer_profiles: customer } = row;
  return (
    customer?.name ||
    row.customer_name ||
    row.user_name ||
    customer?.email ||
    row.user_email ||
    customer?.phone ||
    row.customer_phone ||
    strings.unknownCustomer
  );
}

export type WhoAnswers =
  | { kind: "ai" }
  | { kind: "waiting"; since: string }
  | { kind: "human"; name: string | null }
  | { kind: "resolved" };

export function isClosed({ status }: ConversationRow): boolean {
  return status === "resolved" || status === "closed";
}

/** Who has the word: `handed_over_at` says since when nobody has come who was promised. */
export function whoAnswers(row: ConversationRow, team: Team): WhoAnswers {
  if (isClosed(row)) return { kind: "resolved" };
  if (!row.requires_human) return { kind: "ai" };
  if (row.handed_over_at) return { kind: "waiting", since: row.handed_over_at };
  return { kind: "human", name: team.get(row.assigned_agent_id ?? "")?.name ?? null };
}

/** How many messages nobody of the team has read. */
export function unreadOf(row: ConversationRow): number {
  return Math.max(0, row.message_count - row.agent_read_position);
}
