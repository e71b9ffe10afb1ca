// The files of a mail: named safely, stored in the conversation's folder.

import { createHash } from "node:crypto";
import { StorageApiError } from "@supabase/supabase-js";
import type { Media } from "../_shared/events.ts";
import { inertType } from "../_shared/file_types.ts";
import { log } from "../_shared/log.ts";
import { Refusal } from "../_shared/refusal.ts";
import { project } from "../_shared/project.ts";
import type { Mail, MailFile } from "./mail.ts";

const BUCKET = "conversation-attachments";
const MAX_FILES = 50;
const MAX_BYTES = 10 * 1024 * 1024; // the bucket's limit
const MIN_INLINE_BYTES = 1_000; // below it, an image in the HTML only tells that the mail was opened
// What belongs to the mail itself: signatures, and the parts of reports that are for programs.
const NO_FILES =
  /^(?:application\/(?:pgp-signature|pgp-encrypted|(?:x-)?pkcs7-signature)|message\/(?:(?:global-)?delivery-status|(?:global-)?disposition-notification|feedback-report)|text\/(?:x-amp-html|vnd\.google\.email-reaction\+json))$/;
const UNKNOWN_TYPE = "application/octet-stream";
const ENDINGS: Record<string, string> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/gif": "gif",
  "application/pdf": "pdf",
  "text/plain": "txt",
  "text/calendar": "ics",
  "message/rfc822": "eml",
};

export interface Upload {
  file: string;
  type: string;
  content: Uint8Array<ArrayBuffer>;
}

export interface Attached {
  media: Media[];
  uploads: Upload[];
  /** What is not stored, and why staff should ask for it. */
  tooLarge: Media[];
}

/** Tell a mail's files apart: those that are stored, and those that are too large. */
export function attachedTo(mail: Mail, messageId: string): Attached {
  const files = mail.files.filter(isWanted).slice(0, MAX_FILES);
  const attached: Attached = { media: [], uploads: [], tooLarge: [] };
  files.forEach((file, index) => {
    const name = safeName(file);
    const media = { mime_type: file.type || UNKNOWN_TYPE, name, size: file.content.length };
    if (file.content.length > MAX_BYTES) {
      attached.tooLarge.push(media);
      return;
    }
    const stored = storedName(messageId, index, name, file.content);
    attached.media.push({ ...media, file: stored });
    attached.uploads.push({ file: stored, type: inertType(file.type), content: file.content });
  });
  return attached;
}

function isWanted(file: MailFile): boolean {
  const isTracker = file.isInline && file.type.startsWith("image/") &&
    file.content.length < MIN_INLINE_BYTES;
  return file.content.length > 0 && !isTracker && !NO_FILES.test(file.type);
}

/** Return a name that is nothing but one: no path, no hidden file, no reversed ending. */
function safeName({ name, type }: MailFile): string {
  const bare = name.split(/[/\\]/).at(-1)!.replace(/[<>:"|?*]/g, "_").replace(/^[.\s]+/, "");
  const ending = ENDINGS[type] ?? "bin";
  return bare.length > 120 ? bare.slice(0, 100) + bare.slice(-20) : bare || `attachment.${ending}`;
}

/**
 * The same file of the same mail always gets the same name, so that a second try replaces the first; another
 * mail that has taken its id replaces nothing.
 */
function storedName(
  messageId: string,
  index: number,
  name: string,
  content: Uint8Array,
): string {
  const hex = createHash("sha256").update(`${messageId}\n${index}\n`).update(content).digest("hex");
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
  ];
  const ending = name.match(/\.([a-z0-9]{1,10})$/i)?.[1].toLowerCase();
  return [...parts, hex.slice(20, 32)].join("-") + (ending ? `.${ending}` : "");
}

/** Store the files; a Refusal (503) where Storage may take them the next time. */
export async function upload(uploads: Upload[], conversationId: string): Promise<void> {
  for (const { file, type, content } of uploads) {
    const { error } = await project.storage.from(BUCKET)
      .upload(`${conversationId}/${file}`, content, { contentType: type, upsert: true });
    if (!error) continue;
    const status = error instanceof StorageApiError ? error.status : 503;
    log("error", "email.file_refused", { status, conversation_id: conversationId });
    if (status >= 500 || status === 429) throw new Refusal(503, "file_not_stored");
  }
}
