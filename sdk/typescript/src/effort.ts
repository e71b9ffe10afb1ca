/** Reading until it succeeds: one at a time, and the latest wish alone counts. */
import { mayPass } from "./errors.js";
import { backoffMs, pause } from "./pause.js";

/** Of what is refused for good the next try is so far off: somebody may have been let in meanwhile. */
export const REFUSED_MS = 30_000;

export class Effort {
  #present: AbortController | null = null;

  /** Is something being read? */
  get isUnderWay(): boolean {
    return this.#present !== null;
  }

  /**
   * Read, and hand over what came, unless something else was begun, or it was given up, meanwhile.
   *
   * What fails is told, and tried again: soon if it may pass, and else after {@link REFUSED_MS}.
   */
  begin<Result>(
    read: (signal: AbortSignal) => Promise<Result>,
    done: (result: Result) => void,
    failed: (error: Error, isRefused: boolean) => void,
  ): void {
    this.giveUp();
    const effort = new AbortController();
    this.#present = effort;
    void this.#run(effort, read, done, failed);
  }

  /** What comes of it is not wanted any more. */
  giveUp(): void {
    this.#present?.abort();
    this.#present = null;
  }

  async #run<Result>(
    effort: AbortController,
    read: (signal: AbortSignal) => Promise<Result>,
    done: (result: Result) => void,
    failed: (error: Error, isRefused: boolean) => void,
  ): Promise<void> {
    const { signal } = effort;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const result = await read(signal).then(
        (rows) => ({ rows }),
        (error: Error) => ({ error }),
      );
      if (signal.aborted) return;
      if ("rows" in result) {
        this.#present = null;
        return done(result.rows);
      }
      const isRefused = !mayPass(result.error, failures);
      failed(result.error, isRefused);
      await pause(isRefused ? REFUSED_MS : backoffMs(failures), signal);
    }
  }
}
