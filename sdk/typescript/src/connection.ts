/** `client.connection`: is what is shown up to date, and since when. */
import { Unreachable } from "./errors.js";
import type { Listener } from "./listener.js";
import { Observed } from "./store.js";
import type { Topics } from "./topics.js";

/**
 * `connecting`: there is no subscription yet. `catching up`: what may have been missed is being read. `live`: every
 * change is seen at once. `offline`: nothing is heard for now, and it is tried again. `refused`: the project refuses
 * all that is listened to.
 */
export interface ConnectionState {
  state: "connecting" | "catching up" | "live" | "offline" | "refused";
  /** In milliseconds since 1970, by the device's clock. */
  since: number;
  /** What stops it; null while nothing does. */
  error: Error | null;
}

type Name = ConnectionState["state"];

/** Of several subscriptions the one that is furthest behind counts; one that is refused, if no other is there. */
const WORST_FIRST: Name[] = ["offline", "connecting", "catching up", "live", "refused"];

/** What a browser tells of its device. */
const NETWORK = ["online", "offline"] as const;

/** All of one client's subscriptions together. */
export class Connection extends Observed<ConnectionState> {
  readonly #retries = new Set<() => void>();

  constructor(private readonly topics: Topics) {
    super({ state: "connecting", since: Date.now(), error: null });
    topics.watch(this.#look);
  }

  /** Try now what is offline or refused, in all stores. */
  retry(): void {
    this.topics.retry();
    this.#retries.forEach((retry) => retry());
  }

  /**
   * Do this too when somebody asks for another try; return what ends it.
   *
   * @internal
   */
  onRetry(retry: () => void): () => void {
    this.#retries.add(retry);
    return () => this.#retries.delete(retry);
  }

  protected begin(): void {
    NETWORK.forEach((event) => globalThis.window?.addEventListener?.(event, this.#onNetwork));
    this.#look();
  }

  protected end(): void {
    NETWORK.forEach((event) => globalThis.window?.removeEventListener?.(event, this.#onNetwork));
  }

  readonly #onNetwork = (): void => {
    if (!isOffDevice()) this.topics.retry();
    this.#look();
  };

  readonly #look = (): void => {
    const { listeners } = this.topics;
    const states = new Map([...listeners].map((listener) => [stateOf(listener), listener]));
    const state = isOffDevice() ? "offline" : WORST_FIRST.find((each) => states.has(each));
    const now = this.getSnapshot();
    if (!state) return; // nothing is listened to: so it stays
    const error = errorOf(states.get(state));
    const isSame = error?.message === now.error?.message;
    this.show({
      state,
      since: state === now.state ? now.since : Date.now(),
      error: isSame ? now.error : error,
    });
  };
}

/** How far a listener can be believed. */
export function stateOf(listener: Listener): Name {
  if (listener.refusal) return "refused";
  if (listener.isLive) return listener.isBehind ? "catching up" : "live";
  return listener.isInterrupted ? "offline" : "connecting";
}

/** What stops a listener. */
export function errorOf(listener: Listener | undefined): Error | null {
  if (!listener) return null;
  const { refusal, isLive, trouble } = listener;
  return refusal ?? (isLive || !trouble ? null : new Unreachable(`not connected; ${trouble}`));
}

function isOffDevice(): boolean {
  return globalThis.navigator?.onLine === false;
}
