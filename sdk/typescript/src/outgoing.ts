/** What goes out arrives once, whatever the network does meanwhile. */
import type { Attachment } from "./attachments.js";
import type { Romashka } from "./client.js";
import type { Database, Json } from "./database.js";
import { Conflict, RateLimited, RomashkaError } from "./errors.js";
import { newId } from "./id.js";
import type { Message } from "./models.js";
import { backoffMs, pause } from "./pause.js";

const TRIES = 3;

/** The database gives a message its position. */
type NewMessage = Omit<Insert, "position"> & { id: string };
type Insert = Database["public"]["Tables"]["messages"]["Insert"];

/** Who writes, and what comes with the text. */
export interface SendOptions {
  /** A new UUID. Sent again with the same one, a message is stored once. */
  id?: string;
  /** `agent` is for staff. */
  senderType?: "user" | "agent";
  /** What the application wants to keep with it. */
  metadata?: Record<string, Json | undefined> | undefined;
  /** What `client.attachments.upload` gave. */
  attachment?: Attachment | undefined;
}

/** Store a message; its id tells whether an earlier try did. */
export async function store(
  client: Romashka,
  conversationId: string,
  text: string,
  { id = newId(), senderType = "user", metadata, attachment }: SendOptions,
): Promise<Message> {
  const row: NewMessage = {
    id,
    conversation_id: conversationId,
    sender_type: senderType,
    content: text,
    ...(metadata && { metadata }),
    ...(attachment && described(attachment, metadata)),
  };
  return repeated(() => insert(client, row));
}

/** Send a request again while what stops it may pass: sent twice, it must do what once does. */
export async function repeated<T>(request: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await request();
    } catch (error) {
      const mayPass = error instanceof RomashkaError && error.retryable;
      if (!mayPass || error instanceof RateLimited || tries === TRIES) throw error;
      await pause(backoffMs(tries));
    }
  }
}

async function insert(client: Romashka, row: NewMessage): Promise<Message> {
  const messages = client.supabase.from("messages");
  try {
    return (await client.send(
      messages
        .insert(row as Insert)
        .select()
        .single(),
    )) as Message;
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    // An earlier try stored it, and its answer got lost.
    return (await client.send(messages.select().eq("id", row.id).single())) as Message;
  }
}

function described({ path, name, content_type, size }: Attachment, metadata: object = {}) {
  const kind = content_type.split("/")[0]!;
  return {
    message_type: ["image", "audio", "video"].includes(kind) ? kind : "document",
    media_url: path,
    metadata: { ...metadata, attachment: { name, content_type, size } },
  };
}
