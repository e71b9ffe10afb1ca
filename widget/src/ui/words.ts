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
  if (name === "NotKnown") return strings.notKnown;
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
  formatter(locale, { hour: "numeric", minute: "2-digit" }).format(new Date(time));

/** The same for two times of one day. */
export const dayKey = (time: string): number => new Date(time).setHours(0, 0, 0, 0);

/** The day, as people say it. */
export function dayOf(time: string, { locale, language }: Spoken): string {
  const days = Math.round((dayKey(time) - new Date().setHours(0, 0, 0, 0)) / 86_400_000);
  if (days > -2 && days < 2)
    return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(days, "day");
  const options = { weekday: "long", day: "numeric", month: "long" } as const;
  return formatter(locale, options).format(new Date(time));
}

/** Making one takes as long as formatting a hundred times. */
const formatters = new Map<string, Intl.DateTimeFormat>();
function formatter(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  const known = formatters.get(key) ?? new Intl.DateTimeFormat(locale, options);
  formatters.set(key, known);
  return known;
}

/** When the team is back. */
export const whenOf = (time: string, spoken: Spoken): string =>
  `${dayOf(time, spoken)}, ${clockOf(time, spoken)}`;
