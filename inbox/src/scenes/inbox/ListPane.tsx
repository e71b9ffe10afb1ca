/** The list as it is asked for: a view, or what a search finds, or why there is neither. */
import { CircleAlert, ShieldX } from "lucide-react";
import type { ConversationRow } from "romashka";
import { useInboxView } from "romashka/react";
import { memo, useCallback, useMemo } from "react";

import { type Address, format } from "../../address/address";
import { draftKey, readDraft } from "../../drafts";
import { Button } from "../../parts/Button";
import { Notice } from "../../parts/Notice";
import { Skeleton } from "../../parts/Skeleton";
import type { Team } from "../../people";
import { useStrings } from "../../strings";
import { filtersOf } from "./filters";
import { List } from "./List";
import { ListHead } from "./ListHead";
import { type Found, useSearch } from "./useSearch";

/** Where each list was scrolled to. */
const OFFSETS = new Map<string, number>();

interface Props {
  address: Address;
  me: string;
  team: Team;
  onShown: (rows: readonly ConversationRow[]) => void;
}

export const ListPane = memo(function ListPane({ address, me, team, onShown }: Props) {
  const { view, ...list } = useInboxView(filtersOf(address, me));
  const found = useSearch(address.search);
  const results = useResults(found, address);
  const hrefOf = useCallback((id: string) => format({ ...address, conversation: id }), [address]);
  const loadMore = useCallback(() => view.loadMore(), [view]);
  const key = format({ ...address, conversation: null });
  const shared = { hrefOf, openId: address.conversation, draftOf, team, onShown };
  return (
    <>
      <ListHead address={address} />
      {results ? (
        <FoundBody found={{ ...found!, hits: results.hits }}>
          <List
            {...shared}
            key={found!.of}
            rows={results.rows}
            hasMore={false}
            loadMore={nothing}
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
            offset={OFFSETS.get(key)}
            onScroll={(offset) => OFFSETS.set(key, offset)}
          />
        </ListBody>
      )}
    </>
  );
});

const nothing = () => {};

/** What was found, as far as the filters let it through. */
function useResults(found: Found | null, { channel, priority }: Address) {
  const all = found?.hits;
  return useMemo(() => {
    const hits = all?.filter(
      ({ conversation: row }) =>
        (!channel || row.channel_type === channel) && (!priority || row.priority === priority),
    );
    return (
      hits && {
        hits,
        rows: hits.map(({ conversation }) => conversation),
        excerpts: new Map(hits.map(({ conversation, excerpt }) => [conversation.id, excerpt])),
      }
    );
  }, [all, channel, priority]);
}

/** What was found, or that nothing was. */
function FoundBody({ found, children }: { found: Found; children: React.ReactNode }) {
  const { empty, list } = useStrings();
  if (found.state === "loading") return <Skeleton kind="rows" />;
  if (found.state === "failed") {
    return <Notice title={list.failed} icon={<CircleAlert size={36} />} isAlert />;
  }
  const [title, text] = empty["search"]!;
  return found.hits.length > 0 ? children : <Notice title={title} text={text} />;
}

/** The list, or why there is none. */
function ListBody(props: {
  list: Omit<ReturnType<typeof useInboxView>, "view">;
  retry: () => void;
  emptyKey: string;
  children: React.ReactNode;
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

const draftOf = (id: string) => readDraft(draftKey(id, "reply")) || readDraft(draftKey(id, "note"));
