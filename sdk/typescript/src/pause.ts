/** Waiting: before the next try, and for what may never come. */
import { Unreachable } from "./errors.js";

/** So long a topic's request may take; the next try may find a network that works. */
export const REQUEST_MS = 10_000;
/** So often a try follows within a second: who waits for an answer has six. Then within five. */
const EAGER_TRIES = 20;

/** Return a pause: longer after each failure, and different for each client, to spread the load. */
export function backoffMs(failures: number, isThrottled = false): number {
  const isEager = failures <= EAGER_TRIES && !isThrottled;
  const longest = isEager ? Math.min(100 * 2 ** failures, 1_000) : 5_000;
  return longest * (0.5 + Math.random() / 2);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Do something that must not take longer than {@link REQUEST_MS}; then its signal is aborted.
 *
 * @throws {@link Unreachable} it took longer
 */
export async function inTime<Result>(
  work: (signal: AbortSignal) => PromiseLike<Result>,
  abort = new AbortController(),
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Unreachable(`the project does not answer; it had ${REQUEST_MS} ms`));
      abort.abort();
    }, REQUEST_MS);
  });
  try {
    return await Promise.race([work(abort.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
