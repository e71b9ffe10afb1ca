/** Which conversations a view has. */
import type { Status, ViewFilters } from "romashka";

import type { Address, ViewName } from "../../address/address";

const OPEN: Status[] = ["active", "pending", "escalated"];

/** The views that are counted: what nobody works down needs no number. */
export const COUNTED: ViewName[] = ["waiting", "mine", "unassigned", "ai"];

export function filtersOfView(view: ViewName, me: string): ViewFilters {
  switch (view) {
    case "waiting":
      return { requiresHuman: true, status: OPEN };
    case "mine":
      return { assignedAgentId: me, status: OPEN };
    case "unassigned":
      return { unassigned: true, status: OPEN };
    case "ai":
      return { requiresHuman: false, status: OPEN };
    case "resolved":
      return { status: ["resolved", "closed"] };
    case "all":
      return {};
  }
}

export function filtersOf({ view, channel, priority }: Address, me: string): ViewFilters {
  return {
    ...filtersOfView(view, me),
    ...(channel && { channelType: channel }),
    ...(priority && { priority }),
  };
}
