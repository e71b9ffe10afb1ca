/** How many conversations the views have: counted once, and again after something changed. */
import { useClient } from "romashka/react";
import { useEffect, useState } from "react";

import type { ViewName } from "../../address/address";
import { COUNTED, filtersOfView } from "./filters";

/** However much changes, it is counted this often at most. */
const EACH_MS = 2_000;

export type Counts = Partial<Record<ViewName, number>>;

export function useCounts(me: string): Counts {
  const { inbox, connection } = useClient();
  const [counts, setCounts] = useState<Counts>({});
  useEffect(() => {
    const views = Object.fromEntries(COUNTED.map((view) => [view, filtersOfView(view, me)]));
    let isOver = false;
    let isAsked = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function count(): Promise<void> {
      isAsked = false;
      const counted = await inbox.counts(views).catch(() => null); // the list says what is wrong
      if (isOver) return;
      if (counted) setCounts(counted);
      timer = setTimeout(() => {
        timer = undefined;
        if (isAsked) begin();
      }, EACH_MS);
    }
    function begin(): void {
      timer = setTimeout(() => void count());
    }
    function ask(): void {
      isAsked = true;
      if (timer === undefined) begin();
    }
    ask();
    const leave = [inbox.observe(ask, ask), connection.subscribe(ask)];
    return () => {
      isOver = true;
      clearTimeout(timer);
      leave.forEach((each) => each());
    };
  }, [inbox, connection, me]);
  return counts;
}
