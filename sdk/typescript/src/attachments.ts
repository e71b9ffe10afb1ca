/** `client.attachments`: files of a conversation, in Supabase Storage. */
import type { SupabaseClient } from "@supabase/supabase-js";

import type { Core, Limits } from "./core.js";
import { fromStorage } from "./errors.js";
import { inertType } from "./fileTypes.js";
import { newId } from "./id.js";
import type { Message } from "./models.js";
import { inTime, REQUEST_MS } from "./pause.js";
import { checkStorable } from "./storable.js";
import type { Transfer, transfer as TransferFile } from "./transfer.js";

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

/** Storage's client, as supabase-js has it, or by itself. */
export interface Storage {
  from(bucket: string): StorageFileApi;
}
type StorageError = Parameters<typeof fromStorage>[0];
type StorageFileApi = ReturnType<SupabaseClient["storage"]["from"]>;

/** A file may be large, and its way slow. */
const FILE_MS = 300_000;

export class Attachments {
  /** @param transfer stores a file and tells how far it is; without it, `onProgress` hears nothing */
  constructor(
    private readonly core: Core,
    private readonly storage: Storage,
    private readonly transfer?: typeof TransferFile,
  ) {}

  /**
   * Store a file for a conversation. What a browser might run (HTML, SVG, scripts) is stored as bytes.
   *
   * @param options `onProgress` hears how far it is, and `signal` gives it up
   * @throws {@link TooLarge} it is larger than the bucket allows (10 MB), or the customer has no room left
   * @throws {@link RateLimited} the customer stored too much in the last hour
   * @throws {@link PermissionDenied} the conversation is somebody else's
   * @example
   * ```ts
   * const attachment = await client.attachments.upload(conversation.id, input.files[0]);
   * await conversation.send("It looks like this.", { attachment });
   * ```
   */
  async upload(
    conversationId: string,
    file: Blob,
    name = nameOf(file),
    options: Transfer = {},
  ): Promise<Attachment> {
    // The name may have any letters; a path in Storage may not.
    const ending = /\.[a-z0-9]+$/.exec(name.toLowerCase())?.[0] ?? "";
    const path = `${conversationId}/${newId()}${ending}`;
    const content_type = inertType(file.type);
    // Sent as it is, a Blob names its own type.
    const inert = file.slice(0, file.size, content_type);
    checkStorable([conversationId, name]);
    const { signal, onProgress } = options;
    const send = (late: AbortSignal) => this.#send(path, inert, late, onProgress);
    await this.#ask(send, { timeoutMs: FILE_MS, signal });
    return { path, name, content_type, size: file.size };
  }

  /**
   * Return a file's content.
   *
   * @throws {@link NotFound} there is none, or it is somebody else's
   */
  async download(attachment: Attachment): Promise<Blob> {
    checkStorable(attachment.path);
    return this.#ask(() => this.#bucket.download(attachment.path), { timeoutMs: FILE_MS });
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
    const made = await this.#ask(() =>
      this.#bucket.createSignedUrl(attachment.path, expiresSeconds, { download }),
    );
    return made.signedUrl;
  }

  /**
   * Return what {@link Attachments.signedUrl} does for each, all in one request; null for what there is not, or is
   * somebody else's.
   *
   * @example
   * ```ts
   * const urls = await client.attachments.signedUrls(messages.map(attachmentOf).filter((each) => each !== null));
   * ```
   */
  async signedUrls(
    attachments: readonly Attachment[],
    expiresSeconds = 3_600,
  ): Promise<(string | null)[]> {
    if (attachments.length === 0) return [];
    checkStorable(attachments.map(({ path, name }) => [path, name]));
    const paths = attachments.map(({ path }) => path);
    const made = await this.#ask(() => this.#bucket.createSignedUrls(paths, expiresSeconds));
    const byPath = new Map(made.map(({ path, signedUrl }) => [path, signedUrl]));
    return attachments.map(({ path, name }) => {
      const url = byPath.get(path);
      return url ? `${url}&download=${encodeURIComponent(name)}` : null;
    });
  }

  async #send(path: string, file: Blob, signal: AbortSignal, onProgress: Transfer["onProgress"]) {
    if (!this.transfer || !onProgress || typeof XMLHttpRequest === "undefined") {
      return this.#bucket.upload(path, file, { contentType: file.type });
    }
    const { publicUrl } = this.#bucket.getPublicUrl(path).data;
    const url = publicUrl.replace("/object/public/", "/object/");
    return this.transfer(url, file, this.core.session.token, { signal, onProgress });
  }

  async #ask<Data>(
    request: (late: AbortSignal) => Promise<{ data: Data; error: StorageError | null }>,
    limits: Limits = { timeoutMs: REQUEST_MS },
  ): Promise<NonNullable<Data>> {
    const { data, error } = await inTime(
      (late) => this.core.session.send(() => request(late)),
      limits,
    );
    if (error) throw fromStorage(error);
    return data!;
  }

  get #bucket() {
    return this.storage.from(BUCKET);
  }
}

const nameOf = (file: Blob): string => (file instanceof File ? file.name : "");
