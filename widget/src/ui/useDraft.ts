/** The reply as it grows. One that is taken back stays, pale, until something stands in its place: nothing jumps. */
import type { Draft } from "romashka";
import { useEffect, useState } from "preact/hooks";

export interface ShownDraft {
  turnId: string;
  text: string;
  isRetracted: boolean;
}

const LASTS_MS = 900;

/** @param newest the id of the newest message */
export function useDraft(draft: Draft | null, newest: string | undefined): ShownDraft | null {
  const [kept, keep] = useState<{ draft: Draft; newest: string | undefined } | null>(null);
  const hasText = !!draft?.text;
  useEffect(() => {
    if (draft && hasText) keep({ draft, newest });
  }, [draft]);
  useEffect(() => {
    if (hasText || !kept) return;
    const over = setTimeout(() => keep(null), LASTS_MS);
    return () => clearTimeout(over);
  }, [hasText, kept]);
  if (draft && hasText) return { turnId: draft.turnId, text: draft.text, isRetracted: false };
  // A message came: it stands there now.
  const isHeld = kept && kept.newest === newest;
  if (isHeld) return { turnId: kept.draft.turnId, text: kept.draft.text, isRetracted: true };
  return draft && { turnId: draft.turnId, text: "", isRetracted: false };
}
