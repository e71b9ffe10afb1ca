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

export function isClosed({ status }: ConversationRow): boolean {
  return status === "resolved" || status === "closed";
}

/** How many messages nobody of the team has read. */
export function unreadOf(row: ConversationRow): number {
  return Math.max(0, row.message_count - row.agent_read_position);
}
