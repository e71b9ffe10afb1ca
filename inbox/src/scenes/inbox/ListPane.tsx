/** The list as it is asked for: a view, or what a search finds, or why there is neither. */
import { CircleAlert, ShieldX } from "lucide-react";
import type { ConversationRow } from "romashka";
import { useInboxView } from "romashka/react";
import { memo, type ReactNode, useCallback, useEffect, useMemo } from "react";

import { type Address, format } from "../../address/address";
import { Button } from "../../parts/Button";
import { Notice } from "../../parts/Notice";
import { Skeleton } from "../../parts/Skeleton";
import type { Team } from "../../people";
import { useStrings } from "../../strings";
import { filtersOf } from "./filters";
import { List } from "./List";
import { ListHead } from "./ListHead";
import type { Picking } from "./usePicking";
import { type Found, useSearch } from "./useSearch";

/** Where each list was scrolled to. */
const OFFSETS = new Map<string, number>();

interface Props {
  address: Address;
  me: string;
  team: Team;
  /** Who else looks at each conversation. */
  looking: ReadonlyMap<string, string>;
  picking: Picking;
  onShown: (shown: Shown) => void;
}

/** Which rows are shown, in their order, and where a search found each of them. */
export interface Shown {
  rows: readonly ConversationRow[];
  positions: ReadonlyMap<string, number | null> | null;
}

export const ListPane = memo(function ListPane(props: Props) {
  const { address, me, team, looking, picking, onShown } = props;
  const { view, ...list } = useInboxView(filtersOf(address, me));
  const found = useSearch(address.search);
  const results = useResults(found, address);
  const hrefOf = useCallback(
    (id: string) => format({ ...address, conversation: id, at: null }),
    [address],
  );
  const loadMore = useCallback(() => view.loadMore(), [view]);
  const key = format({ ...address, conversation: null });
  const positions = results?.positions ?? null;
  const tell = useCallback(
    (rows: readonly ConversationRow[]) => onShown({ rows, positions }),
    [onShown, positions],
  );
  const shared = { openId: address.conversation, team, looking, picking, onShown: tell };
  return (
    <>
      <ListHead address={address} />
      {results ? (
        <FoundBody found={found!} isEmpty={results.rows.length === 0}>
          <List
            {...shared}
            key={found!.of}
            rows={results.rows}
            hasMore={found!.hasMore}
            loadMore={found!.loadMore}
            hrefOf={results.hrefOf}
            excerpts={results.excerpts}
          />
        </FoundBody>
      ) : (
        <ListBody list={list} retry={() => view.retry()} emptyKey={address.view}>
          <List
            {...shared}
            key={key}
            rows={list.rows}
            hasMore={list.hasMore}
            loadMore={loadMore}
            hrefOf={hrefOf}
            offset={OFFSETS.get(key)}
            onScroll={(offset) => OFFSETS.set(key, offset)}
          />
        </ListBody>
      )}
    </>
  );
});

/** What was found, as far as the filters let it through. */
function useResults(found: Found | null, address: Address) {
  const all = found?.hits;
  const { channel, priority } = address;
  return useMemo(() => {
    const hits = all?.filter(
      ({ conversation: row }) =>
        (!channel || row.channel_type === channel) && (!priority || row.priority === priority),
    );
    if (!hits) return null;
    const positions = new Map(
      hits.map(({ conversation, position }) => [conversation.id, position]),
    );
    return {
      rows: hits.map(({ conversation }) => conversation),
      excerpts: new Map(hits.map(({ conversation, excerpt }) => [conversation.id, excerpt])),
      positions,
      hrefOf: (id: string) =>
        format({ ...address, conversation: id, at: positions.get(id) ?? null }),
    };
  }, [all, channel, priority, address]);
}

/** What was found, or that nothing was. */
function FoundBody(props: { found: Found; isEmpty: boolean; children: ReactNode }) {
  const { empty, list } = useStrings();
  const { found, isEmpty, children } = props;
  const { state, hasMore, loadMore } = found;
  const isSought = isEmpty && hasMore;
  // The filters let nothing of this page through; perhaps of the next.
  useEffect(() => {
    if (isSought) loadMore();
  }, [isSought, loadMore]);
  if (state === "loading" || isSought) return <Skeleton kind="rows" />;
  if (state === "failed") {
    return <Notice title={list.failed} icon={<CircleAlert size={36} />} isAlert />;
  }
  const [title, text] = empty["search"]!;
  return isEmpty ? <Notice title={title} text={text} /> : children;
}

/** The list, or why there is none. */
function ListBody(props: {
  list: Omit<ReturnType<typeof useInboxView>, "view">;
  retry: () => void;
  emptyKey: string;
  children: ReactNode;
}) {
  const strings = useStrings();
  const { rows, state, error } = props.list;
  if (state === "refused" || (state === "loading" && error)) {
    const isRefused = state === "refused";
    return (
      <Notice
        title={isRefused ? strings.list.refused : strings.list.failed}
        icon={isRefused ? <ShieldX size={36} /> : <CircleAlert size={36} />}
        isAlert
      >
        <Button onClick={props.retry}>{strings.retry}</Button>
      </Notice>
    );
  }
  if (state === "loading") return <Skeleton kind="rows" />;
  if (rows.length > 0) return props.children;
  const [title, text] = strings.empty[props.emptyKey]!;
  return <Notice title={title} text={text} />;
}
