/** One message, as its author and its channel leave it. */
import {
  Bot,
  Check,
  CheckCheck,
  CircleAlert,
  Clock,
  CornerDownLeft,
  ListChecks,
} from "lucide-react";
import {
  attachmentOf,
  choiceOf,
  choicesOf,
  kindOf,
  type Message as Row,
  type Outgoing,
} from "romashka";
import { memo, type ReactNode } from "react";

import { useFileOf } from "../../files";
import { Avatar } from "../../parts/Avatar";
import { Button } from "../../parts/Button";
import { Text } from "../../parts/Text";
import type { Team } from "../../people";
import { type Strings, useSpoken } from "../../strings";
import { clock, full } from "../../time";
import { Attached } from "./Attached";
import css from "./Message.module.css";
import { ChosenFile, reasonOf } from "./Tray";

interface Props {
  message: Row;
  isFirst: boolean;
  /** A search led here. */
  isFound?: boolean;
  customer: string;
  team: Team;
  /** It was sent before the takeover that should have stopped it. */
  isLost?: boolean;
  onWhy?: (messageId: string) => void;
}

export const Message = memo(function Message({
  message,
  isFirst,
  isFound = false,
  customer,
  team,
  isLost = false,
  onWhy,
}: Props) {
  const { strings, locale } = useSpoken();
  const { sender_type: by, content, created_at, confidence_score: confidence } = message;
  const author = authorOf(message, customer, team, strings);
  const isHandover = kindOf(message) === "handover";
  const file = attachmentOf(message);
  const text = file?.name === content ? "" : shownText(message);
  return (
    <Bubble by={isHandover ? "handover" : by} author={author} isFirst={isFirst} isFound={isFound}>
      {text && (
        <p className={css["text"]} dir="auto">
          <Text text={text} />
        </p>
      )}
      <Choices message={message} />
      <Chosen message={message} />
      {file && <Attached attachment={file} />}
      {isLost && <p className={css["note"]}>{strings.ai.lost}</p>}
      {(message.metadata as { while_waiting?: unknown } | null)?.while_waiting ? (
        <p className={css["note"]}>{strings.message.whileWaiting}</p>
      ) : null}
      <p className={css["foot"]}>
        <time dateTime={created_at} title={full(created_at, locale)}>
          {clock(created_at, locale)}
        </time>
        {by === "ai" && !isHandover && confidence !== null && (
          <span>{strings.message.confidence(confidence)}</span>
        )}
        {by === "ai" && <Sources message={message} />}
        {by === "ai" && onWhy && (
          <button type="button" className={css["why"]} onClick={() => onWhy(message.id)}>
            {strings.why.ask}
          </button>
        )}
        {by !== "user" && <Delivery status={message.delivery_status ?? message.status} />}
      </p>
      {content === "" && <span className="heard">{strings.message.attachment}</span>}
    </Bubble>
  );
});

/** One that is not stored yet, and what can be done if it could not be. */
export function Sending(props: {
  outgoing: Outgoing;
  me: string;
  /** It is sent by itself as soon as there is a connection. */
  isQueued: boolean;
  onRetry: () => void;
  onEdit: () => void;
  onDiscard: () => void;
}) {
  const { outgoing, me, isQueued } = props;
  const { strings } = useSpoken();
  const { failedBecause, delivery } = strings.message;
  const isFailed = outgoing.state === "failed" && !isQueued;
  const file = useFileOf(outgoing.id);
  const reason = file?.error
    ? reasonOf(file.error, strings)
    : (failedBecause[outgoing.error?.name ?? "other"] ?? failedBecause["other"]);
  const isUploading = outgoing.state === "sending" && file !== null && !file.isStored;
  return (
    <Bubble by="agent" author={me} isFirst isPending>
      {outgoing.text !== file?.name && (
        <p className={css["text"]} dir="auto">
          <Text text={outgoing.text} />
        </p>
      )}
      {file && (
        <p className={css["note"]}>
          <ChosenFile file={{ ...file, error: null }} />
        </p>
      )}
      <p
        className={`${css["foot"]} ${isFailed ? css["failed"] : ""}`}
        role={isFailed ? "alert" : undefined}
      >
        {isFailed ? (
          <>
            <CircleAlert size={13} aria-hidden="true" />
            {`${delivery.failed}. ${reason}`}
          </>
        ) : (
          <>
            <Clock size={13} aria-hidden="true" />
            {outgoing.state === "sending" ? delivery.sending : delivery.waiting}
          </>
        )}
      </p>
      {isUploading && (
        <div className={css["ways"]}>
          <Button onClick={props.onDiscard}>{strings.cancel}</Button>
        </div>
      )}
      {(isFailed || isQueued) && (
        <div className={css["ways"]}>
          {isFailed && (
            <Button look="main" onClick={props.onRetry}>
              {strings.retry}
            </Button>
          )}
          <Button onClick={props.onEdit}>{strings.message.edit}</Button>
          <Button onClick={props.onDiscard}>{strings.message.discard}</Button>
        </div>
      )}
    </Bubble>
  );
}

type By = "user" | "ai" | "agent" | "handover";

export function Bubble(props: {
  by: By;
  author: string;
  isFirst: boolean;
  isFound?: boolean;
  isPending?: boolean;
  isVoid?: boolean;
  children: ReactNode;
}) {
  const { by, author, isFirst, isFound, isPending, isVoid } = props;
  const classes = [
    css["message"],
    css[by],
    isFirst && css["isFirst"],
    isFound && css["isFound"],
    isPending && css["isPending"],
    isVoid && css["isVoid"],
  ];
  return (
    <article className={classes.filter(Boolean).join(" ")} aria-label={author}>
      <span className={css["face"]}>
        {isFirst &&
          (by === "ai" || by === "handover" ? <AiFace /> : <Avatar name={author} size="s" />)}
      </span>
      <div className={css["body"]}>
        {isFirst && (
          <p className={css["author"]}>
            <bdi>{author}</bdi>
          </p>
        )}
        <div className={css["bubble"]}>{props.children}</div>
      </div>
    </article>
  );
}

function AiFace() {
  return (
    <span className={css["aiFace"]} aria-hidden="true">
      <Bot size={14} />
    </span>
  );
}

export function authorOf(
  message: Row,
  customer: string,
  team: Team,
  { message: words }: Strings,
): string {
  if (message.sender_type === "user") return customer;
  if (message.sender_type === "agent")
    return team.get(message.sender_id ?? "")?.name ?? words.agent;
  return kindOf(message) === "handover" ? `${words.ai} · ${words.handover}` : words.ai;
}

/** What buttons show is not said twice. */
function shownText(message: Row): string {
  return choicesOf(message).length > 0 ? message.content.split(/\n\n/)[0]! : message.content;
}

function Choices({ message }: { message: Row }) {
  const { offered } = useSpoken().strings.message;
  const choices = choicesOf(message);
  if (choices.length === 0) return null;
  return (
    <ol className={css["choices"]} aria-label={offered}>
      {choices.map(({ number, label }) => (
        <li key={number} dir="auto">
          {label}
        </li>
      ))}
    </ol>
  );
}

function Chosen({ message }: { message: Row }) {
  const { chosen, chosenLate } = useSpoken().strings.message;
  const choice = choiceOf(message);
  if (!choice) return null;
  return (
    <p className={css["note"]}>
      {choice.is_late ? <CornerDownLeft size={13} /> : <ListChecks size={13} />}
      {choice.is_late ? chosenLate : chosen}
    </p>
  );
}

function Sources({ message }: { message: Row }) {
  const { sources } = useSpoken().strings.message;
  const count = Array.isArray(message.knowledge_sources) ? message.knowledge_sources.length : 0;
  return count > 0 ? <span>{sources(count)}</span> : null;
}

const SIGNS = {
  pending: Clock,
  sent: Check,
  delivered: CheckCheck,
  read: CheckCheck,
  failed: CircleAlert,
};

function Delivery({ status }: { status: string | null }) {
  const { delivery } = useSpoken().strings.message;
  if (!status || !(status in SIGNS)) return null;
  const Sign = SIGNS[status as keyof typeof SIGNS];
  return (
    <span className={`${css["delivery"]} ${css[status] ?? ""}`}>
      <Sign size={14} aria-hidden="true" />
      {delivery[status as keyof typeof SIGNS]}
    </span>
  );
}
