/** Where the files of messages can be read for a while: asked for together, and kept as long as they hold. */
import { type Attachment, type Attachments } from "romashka";
import { useRomashka } from "romashka/react";
import { useEffect, useSyncExternalStore } from "react";

/** They hold for an hour; a page that shows one for longer asks again. */
const HOLDS_MS = 50 * 60_000;

interface Known {
  /** Null where there is none. */
  url: string | null;
  at: number;
}

const known = new Map<string, Known>();
const wanted = new Map<string, Attachment>();
const watchers = new Set<() => void>();
let isAsking = false;

/** Return where a file can be read: undefined until that is known, null if it cannot. */
export function useFileUrl(attachment: Attachment): string | null | undefined {
  const { attachments } = useRomashka();
  const { path } = attachment;
  useEffect(() => ask(attachments, attachment), [attachments, path]);
  return useSyncExternalStore(subscribe, () => known.get(path)?.url);
}

function ask(attachments: Attachments, attachment: Attachment): void {
  const { at = 0 } = known.get(attachment.path) ?? {};
  if (Date.now() - at < HOLDS_MS) return;
  wanted.set(attachment.path, attachment);
  if (isAsking) return;
  isAsking = true;
  setTimeout(() => void askAll(attachments));
}

/** All that are on the screen, in one request. */
async function askAll(attachments: Attachments): Promise<void> {
  const asked = [...wanted.values()];
  wanted.clear();
  isAsking = false;
  const urls = await attachments.signedUrls(asked).catch(() => asked.map(() => null));
  const at = Date.now();
  asked.forEach(({ path }, index) => {
    const url = urls[index] ?? null;
    known.set(path, { url, at: url ? at : 0 }); // what failed is asked for again when it is shown again
  });
  watchers.forEach((tell) => tell());
}

function subscribe(onChange: () => void): () => void {
  watchers.add(onChange);
  return () => watchers.delete(onChange);
}
