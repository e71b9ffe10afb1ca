/** One message: who wrote it, what, and what became of it. */
import { attachmentOf, choicesOf, type Message } from "romashka";

import { fill, useSpeech } from "../strings";
import type { Leaving } from "../chat/departures";
import { Icon } from "./Icon";
import { Text } from "./Text";
import { clockOf, reasonOf, textOf, whoOf } from "./words";

interface Props {
  message: Message;
  url: string | undefined;
  /** Is it by who wrote the one before? */
  isJoined: boolean;
  /** Does a question still wait for its answer? */
  onChoose: ((number: number) => void) | null;
  /** Is it the customer's newest? */
  isLast: boolean;
}

export function Bubble({ message, url, isJoined, onChoose, isLast }: Props) {
  const spoken = useSpeech();
  const { strings } = spoken;
  const isMine = message.sender_type === "user";
  const attachment = attachmentOf(message);
  const isPicture =
    attachment && /^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(attachment.content_type);
  return (
    <>
      {!isMine && !isJoined && <Who sender={message.sender_type} time={message.created_at} />}
      {isMine && !isJoined && <span class="heard">{strings.you}</span>}
      {attachment &&
        url &&
        (isPicture ? (
          <a href={url} target="_blank" rel="noopener noreferrer">
            <img
              class="picture"
              src={url}
              alt={fill(strings.picture, { name: attachment.name })}
              loading="lazy"
            />
          </a>
        ) : (
          <a class="file" href={url} target="_blank" rel="noopener noreferrer">
            <Icon name="file" /> {attachment.name || strings.file}
          </a>
        ))}
      {attachment && !url && (
        <span class="file">
          <Icon name="file" /> {attachment.name || strings.file}
        </span>
      )}
      {message.content && (
        <div class="bubble" dir="auto">
          <Text text={textOf(message)} />
        </div>
      )}
      {choicesOf(message).length > 0 && onChoose && (
        <div class="choices" role="group" aria-label={strings.question}>
          {choicesOf(message).map(({ number, label }) => (
            <button key={number} type="button" dir="auto" onClick={() => onChoose(number)}>
              {label}
            </button>
          ))}
        </div>
      )}
      {isMine && isLast && (
        <p class="state">
          {message.delivery_status === "read" ? strings.read : strings.sent} ·{" "}
          {clockOf(message.created_at, spoken)}
        </p>
      )}
    </>
  );
}

export function Who({ sender, time }: { sender: Message["sender_type"]; time?: string }) {
  const spoken = useSpeech();
  return (
    <p class="who">
      <span class={sender === "ai" ? "tag" : "tag person"}>
        {whoOf({ sender_type: sender }, spoken.strings)}
      </span>
      {time && <time dateTime={time}>{clockOf(time, spoken)}</time>}
    </p>
  );
}

interface LeavingProps {
  message: Leaving;
  isOffline: boolean;
  onRetry: () => void;
  onDiscard: () => void;
}

/** What is on its way, or could not go. */
export function LeavingBubble({ message, isOffline, onRetry, onDiscard }: LeavingProps) {
  const { strings } = useSpeech();
  const { text, file, state, error, attachment } = message;
  const name = file?.name ?? (attachment && "name" in attachment ? attachment.name : null);
  return (
    <>
      <span class="heard">{strings.you}</span>
      {name && (
        <span class="file">
          <Icon name="file" /> {name}
        </span>
      )}
      {text && (
        <div class="bubble" dir="auto">
          <Text text={text} />
        </div>
      )}
      {state === "failed" ? (
        <p class="state failed" role="alert">
          {strings.failed}: {reasonOf(error, strings)}
          <button type="button" onClick={onRetry}>
            {strings.retry}
          </button>
          <button type="button" onClick={onDiscard}>
            {strings.discard}
          </button>
        </p>
      ) : (
        <p class="state">{isOffline ? strings.queued : strings.sending}</p>
      )}
    </>
  );
}

export function Dots() {
  return (
    <span class="dots" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}
