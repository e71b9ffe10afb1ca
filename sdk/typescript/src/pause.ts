/** Waiting before the next try. */

/** Return a pause: longer after each failure, and different for each client, to spread the load. */
export function backoffMs(failures: number): number {
  const longest = Math.min(100 * 2 ** failures, failures > 20 ? 5_000 : 1_000);
  return longest * (0.5 + Math.random() / 2);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
