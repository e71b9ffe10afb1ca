/** What every feature is made of: a backend, its topics, and calls that end in time. */
import type { Backend } from "./backend.js";
import { Connection } from "./connection.js";
import type { Database } from "./database.js";
import { type Answer, unwrap } from "./errors.js";
import { CALL_MS, inTime, REQUEST_MS } from "./pause.js";
import { ServerClock } from "./serverClock.js";
import { type OnUser, Session } from "./session.js";
import { checkStorable } from "./storable.js";
import { Topics } from "./topics.js";

type Functions = Database["public"]["Functions"];

/** For how long something may take, and who may give it up. */
export interface Limits {
  signal?: AbortSignal | undefined;
  /** In milliseconds; then it is `Unreachable`. */
  timeoutMs?: number | undefined;
}

export class Core {
  /** Private broadcast topics, kept subscribed: what the rest is made of. */
  readonly topics: Topics;
  /** Is what is shown up to date? A store, as screens read it. */
  readonly connection: Connection;
  /** @internal */
  readonly session: Session;
  readonly #clock = new ServerClock();

  constructor(
    /** Where requests go. */
    readonly backend: Backend,
  ) {
    this.session = new Session(backend);
    this.topics = new Topics(backend.realtime, this.session, this.#clock);
    this.connection = new Connection(this.topics);
    // Somebody else may be there by now, of whom nobody has told: an application that brings its tokens asks.
    this.connection.onRetry(() => void this.session.renewIfExpired().catch(() => {}));
  }

  /**
   * Call a database function by its parameters' names; return its result.
   *
   * It has 35 seconds, as a function may wait for 30; `timeoutMs` says otherwise.
   *
   * @throws {@link InvalidRequest} there is text in them that cannot be stored
   * @throws {@link ServerError} it refused
   * @throws {@link Unreachable} the project did not answer; the call may still have taken effect
   */
  async call<Name extends keyof Functions & string>(
    name: Name,
    parameters: Functions[Name]["Args"],
    { signal, timeoutMs = CALL_MS }: Limits = {},
  ): Promise<Functions[Name]["Returns"]> {
    checkStorable(name);
    const request = this.backend.rpc(name as never, parameters as never);
    const given = await this.send(request as PromiseLike<Answer<unknown>>, { signal, timeoutMs });
    return given as Functions[Name]["Returns"];
  }

  /**
   * Send a request of the backend, and return what it gives; once more if its token was too old.
   *
   * @throws {@link InvalidRequest} there is text in it that cannot be stored
   * @throws {@link Unreachable} there is no answer in time
   * @internal
   */
  async send<T>(request: PromiseLike<Answer<T>>, limits?: Limits): Promise<NonNullable<T>> {
    return unwrap(await this.attempt(request, limits));
  }

  /**
   * Do what {@link Core.send} does, and return the whole answer.
   *
   * @internal
   */
  async attempt<A extends Answer<unknown>>(
    request: PromiseLike<A>,
    { signal, timeoutMs = REQUEST_MS }: Limits = {},
  ): Promise<A> {
    const { body, url } = request as { body?: unknown; url?: URL };
    checkStorable([body, ...(url?.searchParams.values() ?? [])]);
    const builder = request as PromiseLike<A> & Partial<Builder>;
    if (signal) builder.retry?.(false); // who may give it up tries again, too
    return inTime(
      (late) => {
        builder.abortSignal?.(late);
        return this.session.send(() => builder); // it is sent whenever it is awaited
      },
      { signal, timeoutMs },
    );
  }

  /**
   * Hear when what was refused may be allowed, or what failed is to be tried: somebody signed in or out, or asked
   * for it. `isOther` says that what was read is not theirs. Return what ends it.
   *
   * @internal
   */
  onAgain(again: OnUser): () => void {
    const hear: OnUser = (isOther) => {
      if (isOther)
        again(true); // at once: not one frame shows another user what was read
      else setTimeout(() => again(false)); // Auth's client waits for who it tells, and requests wait for it
    };
    const leave = [this.session.watch(hear), this.connection.onRetry(() => again(false))];
    return () => leave.forEach((each) => each());
  }

  /** The present time by the server's clock, in milliseconds since 1970, as far as it was heard. */
  now(): number {
    return this.#clock.now();
  }

  /** End all subscriptions, and the connection unless the application has channels of its own. */
  async close(): Promise<void> {
    const { realtime } = this.backend;
    this.session.unwatch();
    await this.topics.close();
    if (realtime.getChannels().length === 0) await realtime.disconnect();
  }
}

/** What a builder of postgrest-js can do, whatever its rows. */
interface Builder {
  abortSignal(signal: AbortSignal): unknown;
  retry(isEnabled: boolean): unknown;
}
