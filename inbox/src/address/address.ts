/**
 * What the URL says: `#/waiting/<conversation>?q=refund&channel=email`.
 *
 * After the `#`, so that any host of files can serve the page, under any path; and links are plain links.
 */
import type { ChannelType, Priority } from "romashka";

export const VIEWS = ["waiting", "mine", "unassigned", "ai", "all", "resolved"] as const;
export type ViewName = (typeof VIEWS)[number];

export interface Address {
  view: ViewName;
  conversation: string | null;
  /** The position of the message to go to. */
  at: number | null;
  search: string;
  channel: ChannelType | null;
  priority: Priority | null;
}

export const CHANNELS = ["website", "whatsapp", "instagram", "email", "sms", "messenger"] as const;
export const PRIORITIES = ["urgent", "high", "normal", "low"] as const;

/** Return what a URL's fragment says; whatever it says that there is not, is left out. */
export function parse(fragment: string): Address {
  const [path = "", query = ""] = fragment.replace(/^#/, "").split("?");
  const [view, conversation] = path.split("/").filter(Boolean).map(decoded);
  const asked = new URLSearchParams(query);
  return {
    view: oneOf(VIEWS, view) ?? "waiting",
    conversation: conversation ?? null,
    at: conversation ? positionOf(asked.get("at")) : null,
    search: asked.get("q") ?? "",
    channel: oneOf(CHANNELS, asked.get("channel")),
    priority: oneOf(PRIORITIES, asked.get("priority")),
  };
}

/** Return the fragment of an address, as a link has it. */
export function format({ view, conversation, at, search, channel, priority }: Address): string {
  const asked = new URLSearchParams();
  if (search) asked.set("q", search);
  if (channel) asked.set("channel", channel);
  if (priority) asked.set("priority", priority);
  if (conversation && at) asked.set("at", String(at));
  const path = conversation ? `${view}/${encodeURIComponent(conversation)}` : view;
  return `#/${path}${asked.size ? `?${asked}` : ""}`;
}

/** Positions begin at 1. */
function positionOf(given: string | null): number | null {
  const position = Number.parseInt(given ?? "", 10);
  return position > 0 ? position : null;
}

function oneOf<T extends string>(all: readonly T[], given: string | null | undefined): T | null {
  return all.find((each) => each === given) ?? null;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
