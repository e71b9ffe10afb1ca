/** `client.attachments`: files of a conversation, in Supabase Storage. */
import type { Romashka } from "./client.js";
import { fromStorage } from "./errors.js";
import { inertType } from "./fileTypes.js";
import { newId } from "./id.js";
import type { Message } from "./models.js";
import { checkStorable } from "./storable.js";

const BUCKET = "conversation-attachments";

/** A stored file; `conversation.send` takes it. */
export interface Attachment {
  /** Where it is in Storage. */
  path: string;
  name: string;
  content_type: string;
  /** In bytes. */
  size: number;
}

const PATH = /^[0-9a-f-]{36}\/[0-9a-f-]{36}(\.[a-z0-9]+)?$/;

/** Return the file that a message has: one of its conversation, whatever its author wrote. */
export function attachmentOf(message: Message): Attachment | null {
  const { media_url: path, conversation_id, metadata } = message;
  const described = (metadata as { attachment?: unknown } | null)?.attachment;
  if (!path || !PATH.test(path) || !path.startsWith(conversation_id)) return null;
  if (typeof described !== "object" || described === null) return null;
  const { name, content_type, size } = described as Partial<Record<keyof Attachment, unknown>>;
  return {
    path,
    name: String(name ?? ""),
    content_type: String(content_type ?? ""),
    size: Number.isInteger(size) ? (size as number) : 0,
  };
}

export class Attachments {
  constructor(private readonly client: Romashka) {}

  /**
   * Store a file for a conversation. What a browser might run (HTML, SVG, scripts) is stored as bytes.
   *
   * @throws {@link TooLarge} it is larger than the bucket allows (10 MB), or the customer has no room left
   * @throws {@link RateLimited} the customer stored too much in the last hour
   * @throws {@link PermissionDenied} the conversation is somebody else's
   * @example
   * ```ts
   * const attachment = await client.attachments.upload(conversation.id, input.files[0]);
   * await conversation.send("It looks like this.", { attachment });
   * ```
   */
  async upload(conversationId: string, file: Blob, name = nameOf(file)): Promise<Attachment> {
    // The name may have any letters; a path in Storage may not.
    const ending = /\.[a-z0-9]+$/.exec(name.toLowerCase())?.[0] ?? "";
    const path = `${conversationId}/${newId()}${ending}`;
    const content_type = inertType(file.type);
    // Sent as it is, a Blob names its own type.
    const inert = file.slice(0, file.size, content_type);
    checkStorable([conversationId, name]);
    const { error } = await this.client.store(() =>
      this.#bucket.upload(path, inert, { contentType: content_type }),
    );
    if (error) throw fromStorage(error);
    return { path, name, content_type, size: file.size };
  }

  /**
   * Return a file's content.
   *
   * @throws {@link NotFound} there is none, or it is somebody else's
   */
  async download(attachment: Attachment): Promise<Blob> {
    checkStorable(attachment.path);
    const { data, error } = await this.client.store(() => this.#bucket.download(attachment.path));
    if (error) throw fromStorage(error);
    return data;
  }

  /**
   * Return a URL under which anybody can read the file for a while. A browser that is led there saves the
   * file; `<img>` and the like show it.
   *
   * @throws {@link NotFound} there is none, or it is somebody else's
   * @example
   * ```ts
   * image.src = await client.attachments.signedUrl(attachmentOf(message)!);
   * ```
   */
  async signedUrl(attachment: Attachment, expiresSeconds = 3_600): Promise<string> {
    checkStorable([attachment.path, attachment.name]);
    const download = attachment.name || true;
    const { data, error } = await this.client.store(() =>
      this.#bucket.createSignedUrl(attachment.path, expiresSeconds, { download }),
    );
    if (error) throw fromStorage(error);
    return data.signedUrl;
  }

  get #bucket() {
    return this.client.supabase.storage.from(BUCKET);
  }
}

const nameOf = (file: Blob): string => (file instanceof File ? file.name : "");
