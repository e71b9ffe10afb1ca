/** What goes out arrives once, whatever the network does meanwhile. */
import type { Attachment } from "./attachments.js";
import type { Core, Limits } from "./core.js";
import type { Database, Json } from "./database.js";
import { Conflict, RateLimited, RomashkaError } from "./errors.js";
import { newId } from "./id.js";
import type { Message } from "./models.js";
import { backoffMs, inTime, pause, REQUEST_MS } from "./pause.js";

const TRIES = 3;

/** The database gives a message its position. */
type NewMessage = Omit<Insert, "position"> & { id: string };
type Insert = Database["public"]["Tables"]["messages"]["Insert"];

/** Who writes, what comes with the text, and for how long it is tried. */
export interface SendOptions extends Limits {
  /** A new UUID. Sent again with the same one, a message is stored once. */
  id?: string;
  /** `agent` is for staff. */
  senderType?: "user" | "agent";
  /** What the application wants to keep with it. */
  metadata?: Record<string, Json | undefined> | undefined;
  /** What `client.attachments.upload` gives: the message waits for it when its turn has come, each time it is tried. */
  attachment?: Attachment | PromiseLike<Attachment> | undefined;
}

/** Store a message; its id tells whether an earlier try did. */
export async function store(
  core: Core,
  conversationId: string,
  text: string,
  options: SendOptions,
): Promise<Message> {
  const { id = newId(), senderType = "user", metadata, signal, timeoutMs } = options;
  const attachment = await options.attachment;
  const row: NewMessage = {
    id,
    conversation_id: conversationId,
    sender_type: senderType,
    content: text,
    ...(metadata && { metadata }),
    ...(attachment && described(attachment, metadata)),
  };
  const limits = { signal, timeoutMs: timeoutMs ?? TRIES * REQUEST_MS };
  return inTime((late) => repeated(() => insert(core, row, late), late), limits);
}

/** Send a request again while what stops it may pass: sent twice, it must do what once does. */
export async function repeated<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await request();
    } catch (error) {
      const mayPass = error instanceof RomashkaError && error.retryable;
      if (!mayPass || error instanceof RateLimited || tries === TRIES) throw error;
      await pause(backoffMs(tries), signal);
    }
  }
}

async function insert(core: Core, row: NewMessage, signal: AbortSignal): Promise<Message> {
  const messages = core.backend.from("messages");
  const { id, conversation_id } = row;
  try {
    const inserted = messages.insert(row as Insert).select();
    return (await core.send(inserted.single(), { signal })) as Message;
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    // An earlier try stored it, and its answer got lost.
    const earlier = messages.select().match({ id, conversation_id });
    const [stored] = await core.send(earlier, { signal });
    if (!stored) throw error; // the id is another message's
    return stored as Message;
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
