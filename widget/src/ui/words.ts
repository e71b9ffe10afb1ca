/** What went wrong, and when something was, in the customer's words. */
import type { Message } from "romashka";

import { fill, type Spoken, type Strings } from "../strings";

/** Say kindly why something was not sent. */
export function reasonOf(error: Error | null, strings: Strings): string {
  const { name, code, status } = (error ?? {}) as { name?: string; code?: string; status?: number };
  if (name === "Unreachable" || status === 0) return strings.unreachable;
  if (code === "no_room_for_files") return strings.filesFull;
  if (name === "RateLimited" || status === 429) return strings.slow;
  if (name === "TooLarge")
    return code === "message_too_long" ? strings.tooLong : strings.fileTooLarge;
  if (name === "NotSignedIn" || status) return strings.noSession;
  return strings.notAllowed;
}

/** Who wrote a message. */
export const whoOf = ({ sender_type }: Pick<Message, "sender_type">, strings: Strings): string =>
  sender_type === "user" ? strings.you : sender_type === "ai" ? strings.ai : strings.team;

/** What a screen reader says of a message. */
export const saidOf = (message: Message, strings: Strings): string =>
  fill(strings.says, { who: whoOf(message, strings), text: textOf(message) });

/** A question's choices stand below it as buttons. */
export function textOf({ content, metadata, sender_type }: Message): string {
  const isQuestion = sender_type === "ai" && !!(metadata as { choices?: unknown } | null)?.choices;
  return isQuestion ? content.split("\n\n")[0]! : content;
}

export const clockOf = (time: string, { locale }: Spoken): string =>
  new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }).format(new Date(time));

/** The day, as people say it. */
export function dayOf(time: string, { locale, language }: Spoken): string {
  const midnight = (at: Date) => new Date(at).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(new Date(time)) - midnight(new Date())) / 86_400_000);
  if (days > -2 && days < 2)
    return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(days, "day");
  const options = { weekday: "long", day: "numeric", month: "long" } as const;
  return new Intl.DateTimeFormat(locale, options).format(new Date(time));
}

/** When the team is back. */
export const whenOf = (time: string, spoken: Spoken): string =>
  `${dayOf(time, spoken)}, ${clockOf(time, spoken)}`;
