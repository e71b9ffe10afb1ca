/** Reading endless iterations for as long as a component is mounted. */
import { useEffect, useRef } from "react";

import { Scope } from "../scope.js";

/** Return a reference to the value of the latest render, for what is called later. */
export function useLatest<Value>(value: Value): { readonly current: Value } {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}

/** Run `run` when `deps` change, and leave what it reads when they change again, or on unmount. */
export function useScope(
  run: (scope: Scope) => Promise<void>,
  onError: (error: Error) => void,
  deps: readonly unknown[],
): void {
  const latest = useLatest({ run, onError });
  useEffect(() => {
    const scope = new Scope();
    latest.current.run(scope).catch((error: Error) => {
      if (!scope.isOver) latest.current.onError(error);
    });
    return () => scope.end();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- they are the caller's
  }, deps);
}
