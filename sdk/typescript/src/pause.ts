/** Waiting: before the next try, and for what may never come. */
import { Unreachable } from "./errors.js";

/** So long a request may take; the next try may find a network that works. */
export const REQUEST_MS = 10_000;
/** So long a call of the application's: a database function may wait for 30 s. */
export const CALL_MS = 35_000;
/** So often a try follows within a second: who waits for an answer has six. Then within five. */
const EAGER_TRIES = 20;

/** Return a pause: longer after each failure, and different for each client, to spread the load. */
export function backoffMs(failures: number, isThrottled = false): number {
  const isEager = failures <= EAGER_TRIES && !isThrottled;
  const longest = isEager ? Math.min(100 * 2 ** failures, 1_000) : 5_000;
  return longest * (0.5 + Math.random() / 2);
}

/** Wait; no longer than until `signal` is aborted. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    }
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end);
  });
}

/**
 * Do something that must not take longer than `timeoutMs`; then the signal that it gets is aborted, as it is
 * when `signal` is.
 *
 * @throws {@link Unreachable} it took longer
 */
export async function inTime<Result>(
  work: (signal: AbortSignal) => PromiseLike<Result>,
  {
    signal,
    timeoutMs = REQUEST_MS,
  }: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined } = {},
): Promise<Result> {
  signal?.throwIfAborted();
  const abort = new AbortController();
  let give: () => void = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    give = () => reject(signal!.reason as Error);
    timer = setTimeout(() => {
      reject(new Unreachable(`the project does not answer; it had ${timeoutMs} ms`));
    }, timeoutMs);
  });
  signal?.addEventListener("abort", give);
  try {
    return await Promise.race([work(abort.signal), late]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", give);
    abort.abort();
  }
}
