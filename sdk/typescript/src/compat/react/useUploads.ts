/** Files that go with the next message. */
import { useCallback, useRef } from "react";

import type { Attachment } from "../../attachments.js";
import type { Conversation } from "../../conversation.js";
import { useRomashka } from "../../react/provider.js";
import type { UseAttempt } from "./useAttempt.js";

export interface UseUploadsOptions {
  attempt: UseAttempt["attempt"];
  /** Gives the conversation that they are of. */
  open: () => Promise<Conversation>;
  isEnabled: boolean;
}

export interface UseUploads {
  /** Return what was uploaded since the last call. */
  take: () => Attachment[];
  /** Store a file; return where it can be read for an hour. */
  upload: (file: File) => Promise<string>;
}

/** Store files, and keep them until somebody takes them. */
export function useUploads({ attempt, open, isEnabled }: UseUploadsOptions): UseUploads {
  const client = useRomashka();
  const waiting = useRef<Attachment[]>([]);
  const take = useCallback(() => waiting.current.splice(0), []);

  const store = useCallback(
    async (file: File) => {
      const attachment = await client.attachments.upload((await open()).id, file);
      waiting.current.push(attachment);
      return client.attachments.signedUrl(attachment);
    },
    [client, open],
  );

  const upload = useCallback(
    async (file: File) => {
      if (!isEnabled) throw new Error("unable to upload; enableFileUpload is not set");
      return attempt(() => store(file));
    },
    [attempt, isEnabled, store],
  );
  return { take, upload };
}
