/** What a form begins with: read when it opens, and again after it was changed. */
import { useCallback, useEffect, useState } from "react";

export type Loaded<T> = { value: T | null; error: Error | null; reload: () => Promise<void> };

/** @param read is the same function until something else is to be read */
export function useLoaded<T>(read: () => Promise<T>): Loaded<T> {
  const [{ value, error }, set] = useState<Omit<Loaded<T>, "reload">>({ value: null, error: null });
  const reload = useCallback(async () => {
    try {
      set({ value: await read(), error: null });
    } catch (failure) {
      set({ value: null, error: failure as Error });
    }
  }, [read]);
  useEffect(() => void reload(), [reload]);
  return { value, error, reload };
}
