/** The views with what is in them, and what belongs to the person in front of the screen. */
import { Bot, CircleCheck, Hand, Inbox, type LucideIcon, User, Users } from "lucide-react";
import { memo, useEffect } from "react";

import { type Address, format, type ViewName, VIEWS } from "../../address/address";
import { Mark } from "../../parts/Mark";
import { useSpoken } from "../../strings";
import { type Counts, useCounts } from "./useCounts";
import css from "./Views.module.css";

export const VIEW_ICONS: Record<ViewName, LucideIcon> = {
  waiting: Hand,
  mine: User,
  unassigned: Users,
  ai: Bot,
  all: Inbox,
  resolved: CircleCheck,
};

/** With what is in them now, also in the tab. */
export const CountedViews = memo(function CountedViews(props: { address: Address; me: string }) {
  const counts = useCounts(props.me);
  useTitle(counts.waiting ?? 0);
  return <Views address={props.address} counts={counts} />;
});

export function Views({ address, counts }: { address: Address; counts: Counts }) {
  const { strings, locale } = useSpoken();
  const number = new Intl.NumberFormat(locale);
  return (
    <nav className={css["views"]} aria-label={strings.views.label}>
      <span className={css["mark"]}>
        <Mark size={28} />
      </span>
      <ul>
        {VIEWS.map((view) => {
          const Icon = VIEW_ICONS[view];
          const count = counts[view];
          const isHere = view === address.view;
          return (
            <li key={view}>
              <a
                href={format({ ...address, view, conversation: null })}
                aria-current={isHere ? "page" : undefined}
                title={strings.views[view]}
              >
                <Icon size={18} aria-hidden="true" />
                <span className={css["name"]}>{strings.views[view]}</span>
                {count ? (
                  <span className={`${css["count"]} ${view === "waiting" ? css["urgent"] : ""}`}>
                    {number.format(count)}
                  </span>
                ) : null}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

/** How many wait, in the tab's title and on its icon. */
function useTitle(waiting: number): void {
  const { inbox } = useSpoken().strings;
  useEffect(() => {
    document.title = waiting > 0 ? `(${waiting}) ${inbox} · Romashka` : `${inbox} · Romashka`;
  }, [waiting, inbox]);
  useEffect(() => {
    const isOver = new AbortController();
    void import("../../icon").then(({ markIcon }) => markIcon(waiting, isOver.signal));
    return () => isOver.abort();
  }, [waiting]);
}
