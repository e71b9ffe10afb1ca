// What a channel's webhook says, in the words of `receive_channel_webhook` (docs/webhooks.md).

export interface Customer {
  id: string;
  /** More ids of theirs: whoever was met under one of them is the same. */
  other_ids?: string[];
  name?: string;
  username?: string;
  phone?: string;
  email?: string;
}

export interface Media {
  id?: string;
  url?: string;
  /** Where it came inside of the webhook: `<uuid>.<extension>`, under which the function stores it. */
  file?: string;
  mime_type?: string;
  name?: string;
  size?: number;
  sha256?: string;
}

export interface Thread {
  references?: string[];
  reply_token?: string;
  /** More accounts of the team's that it was sent to: their threads count, too. */
  accounts?: string[];
  subject?: string;
  /** Nobody vouches for the sender: the mail goes on from no conversation. */
  is_separate?: boolean;
}

export interface Failure {
  code: string;
  message: string;
}

/** A message of the customer, or (an echo) of the team in the channel's own app. */
export interface Written {
  id: string;
  customer: Customer;
  type: string;
  content: string;
  media?: Media[];
  reply_to?: string;
  metadata?: Record<string, unknown>;
  is_automatic?: boolean;
  /** A human has the conversation from here on; the customer is told so. */
  needs_human?: boolean;
  /** The content is ours, for the team to read (`[Image]`): the customer wrote nothing. */
  is_placeholder?: boolean;
  /** The channel does not say what it is. */
  is_unsupported?: boolean;
  /** The customer did something that nobody has to answer. */
  needs_no_answer?: boolean;
  thread?: Thread;
}

/** What happened, before it is known where and when. */
export type Happening =
  | ({ kind: "message" } & Written)
  | ({ kind: "echo"; app_id?: string } & Written)
  | {
    kind: "status";
    id: string;
    status: DeliveryStatus;
    customer?: Customer;
    reference?: string;
    error?: Failure;
  }
  | { kind: "reaction"; id: string; emoji: string | null; customer: Customer }
  | { kind: "edit"; id: string; content: string; customer?: Customer }
  | { kind: "deletion"; id: string; customer?: Customer }
  | { kind: "problem"; error: Failure }
  | { kind: "ignored"; reason: string }
  | { kind: "unreadable" };

export type DeliveryStatus = "sent" | "delivered" | "read" | "failed";

/** The account is null where the webhook names none: such an event can only be ignored, or unreadable. */
export type ChannelEvent = Happening & { account: string | null; at: string };

export function ignored(reason: string): Happening {
  return { kind: "ignored", reason };
}
