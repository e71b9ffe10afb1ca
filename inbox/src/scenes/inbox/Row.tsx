/** One conversation in the list: who, what last, since when, and who has the word. */
import {
  Bot,
  CircleCheck,
  CircleUser,
  Eye,
  Flag,
  Globe,
  Hourglass,
  Mail,
  MessageCircle,
} from "lucide-react";
import { type ChannelType, type ConversationRow, whoAnswers } from "romashka";
import { memo, type ReactNode } from "react";

import { useDraftOf } from "../../drafts";
import { Avatar } from "../../parts/Avatar";
import { nameOf, type Team, unreadOf } from "../../people";
import { useSpoken } from "../../strings";
import { ago, full, lasting } from "../../time";
import { Ring } from "./Ring";
import css from "./Row.module.css";

interface Props {
  row: ConversationRow;
  href: string;
  isOpen: boolean;
  isCurrent: boolean;
  /** Where a search found something, instead of the last message. */
  excerpt?: ReactNode;
  team: Team;
  /** Who else looks at it. */
  looking?: string | undefined;
  now: number;
}

export const Row = memo(function Row({
  row,
  href,
  isOpen,
  isCurrent,
  excerpt,
  team,
  looking,
  now,
}: Props) {
  const { strings, locale } = useSpoken();
  const draft = useDraftOf(isOpen ? "" : row.id);
  const name = nameOf(row, strings);
  const unread = unreadOf(row);
  const at = row.last_message_at ?? row.created_at;
  return (
    <a
      id={`row-${row.id}`}
      className={`${css["row"]} ${unread > 0 ? css["isUnread"] : ""}`}
      href={href}
      aria-current={isOpen ? "true" : undefined}
      tabIndex={isCurrent ? 0 : -1}
      draggable={false}
    >
      <Avatar name={name} />
      <span className={css["name"]} dir="auto">
        {name}
      </span>
      <time dateTime={at} title={full(at, locale)}>
        {ago(at, now, locale)}
      </time>
      <span className={css["preview"]} dir="auto">
        {draft ? (
          <>
            <b>{strings.list.draft}</b> {draft}
          </>
        ) : (
          excerpt || row.last_message || strings.list.noMessage
        )}
      </span>
      {unread > 0 && (
        <span className={css["unread"]}>
          <span aria-hidden="true">{unread > 99 ? "99+" : unread}</span>
          <span className="heard">{strings.list.unread(unread)}</span>
        </span>
      )}
      <span className={css["signs"]}>
        <Channel type={row.channel_type} />
        <Answering row={row} team={team} now={now} />
        <PriorityFlag row={row} />
        {looking && <Looking names={looking} />}
      </span>
    </a>
  );
});

const CHANNEL_ICONS = { website: Globe, email: Mail } as Partial<Record<ChannelType, typeof Globe>>;

export function Channel({ type }: { type: ChannelType }) {
  const { channels } = useSpoken().strings;
  const Icon = CHANNEL_ICONS[type] ?? MessageCircle;
  return (
    <span className={`${css["sign"]} ${css["channel"]}`}>
      <Icon size={13} aria-hidden="true" />
      {channels[type]}
    </span>
  );
}

/** Who has the word, in one sign; beside it, how long the AI has. */
export function Answering({ row, team, now }: Pick<Props, "row" | "team" | "now">) {
  const { strings, locale } = useSpoken();
  const { who, agentId, waitingSince, turn } = whoAnswers(row, now);
  const agent = team.get(agentId ?? "")?.name;
  const [Icon, text, look] =
    who === "waiting"
      ? [Hourglass, strings.who.waitingFor(lasting(waitingSince, now, locale)), "waiting"]
      : who === "human"
        ? [CircleUser, agent ?? strings.who.human, ""]
        : who === "nobody"
          ? [CircleCheck, strings.who.resolved, ""]
          : [
              Bot,
              [turn ? strings.who.answering : strings.who.ai, agent].filter(Boolean).join(" · "),
              "ai",
            ];
  return (
    <span className={`${css["sign"]} ${css[look] ?? ""}`}>
      {turn ? <Ring {...turn} /> : <Icon size={13} aria-hidden="true" />}
      <span className={css["cut"]}>{text}</span>
    </span>
  );
}

/** Who else of the team looks at it. */
export function Looking({ names }: { names: string }) {
  const { others } = useSpoken().strings;
  return (
    <span className={`${css["sign"]} ${css["looking"]}`} title={others.looking(names)}>
      <Eye size={14} aria-hidden="true" />
      <span className="heard">{others.looking(names)}</span>
    </span>
  );
}

function PriorityFlag({ row: { priority } }: Pick<Props, "row">) {
  const { priorities } = useSpoken().strings;
  if (priority === "normal" || priority === "low") return null;
  return (
    <span className={`${css["sign"]} ${css["flag"]} ${css[priority] ?? ""}`}>
      <Flag size={13} aria-hidden="true" />
      {priorities[priority]}
    </span>
  );
}
