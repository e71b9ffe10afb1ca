/** What users ask for can fail: it is shown, until something works again. */
import { useCallback, useState } from "react";

import { useLatest } from "../../react/useScope.js";

export interface UseAttempt {
  /** Why the last attempt failed; null if it did not. */
  error: Error | null;
  /** Do something for the user; what goes wrong is shown, told, and thrown to the caller. */
  attempt: <Value>(action: () => Promise<Value>) => Promise<Value>;
  /** Show no error any more. */
  clear: () => void;
}

/** Do things that can fail, and keep the last error. */
export function useAttempt(onError: ((error: Error) => void) | undefined): UseAttempt {
  const [error, setError] = useState<Error | null>(null);
  const latest = useLatest(onError);
  const clear = useCallback(() => setError(null), []);

  const attempt = useCallback(
    async <Value>(action: () => Promise<Value>): Promise<Value> => {
      try {
        const value = await action();
        setError(null);
        return value;
      } catch (failure) {
        setError(failure as Error);
        latest.current?.(failure as Error);
        throw failure;
      }
    },
    [latest],
  );
  return { error, attempt, clear };
}
