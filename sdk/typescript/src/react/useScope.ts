/** Reading endless iterations for as long as a component is mounted. */
import { useEffect, useRef } from "react";

import { REFUSED_MS } from "../effort.js";
import { mayPass } from "../errors.js";
import { backoffMs } from "../pause.js";
import { Scope } from "../scope.js";
import { useClient } from "./provider.js";

/** Return a reference to the value of the latest render, for what is called later. */
export function useLatest<Value>(value: Value): { readonly current: Value } {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}

/**
 * Run `run` when `deps` change, and leave what it reads when they change again, or on unmount.
 *
 * What stops it is told, and tried again: soon if it may pass, and else when somebody signs in, or later. So a window
 * that opens without a network, or before its user is signed in, fills later.
 */
export function useScope(
  run: (scope: Scope) => Promise<void>,
  onError: (error: Error) => void,
  deps: readonly unknown[],
): void {
  const client = useClient();
  const latest = useLatest({ run, onError });
  useEffect(() => {
    const scope = new Scope();
    const stop = client.onAgain(() => scope.hurry());
    void runAgain(
      scope,
      () => latest.current.run(scope),
      (error) => latest.current.onError(error),
    );
    return () => {
      stop();
      scope.end();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- they are the caller's
  }, deps);
}

/** Run until it is done; the same error is told once. */
async function runAgain(
  scope: Scope,
  run: () => Promise<void>,
  onError: (error: Error) => void,
): Promise<void> {
  for (let [failures, told] = [1, ""]; ; failures += 1) {
    try {
      return await run();
    } catch (failure) {
      const error = failure as Error;
      if (scope.isOver) return;
      if (error.message !== told) onError(error);
      told = error.message;
      await scope.pause(mayPass(error, failures) ? backoffMs(failures) : REFUSED_MS);
      if (scope.isOver) return;
    }
  }
}
