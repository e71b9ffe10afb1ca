/** Tests that run beside each other, of all files that a process has: most of their time they wait. */
import { describe, test as declare } from "node:test";

/** So many at once; each may be slowed down by the others, and none waits for less than that takes. */
const AT_ONCE = 6;

type Run = () => Promise<void> | void;
const declared: { name: string; timeout: number; run: Run }[] = [];

/** Declare a test that changes nothing which others see; one that does is `node:test`'s, and runs alone. */
export function test(name: string, run: Run, timeout = 120_000): void {
  if (declared.length === 0) queueMicrotask(declareAll); // when all files are loaded
  declared.push({ name, timeout, run });
}

function declareAll(): void {
  describe("together", { concurrency: AT_ONCE }, () => {
    for (const { name, timeout, run } of declared) declare(name, { timeout }, run);
  });
}
