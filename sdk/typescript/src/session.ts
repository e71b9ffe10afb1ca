/** The session behind a backend: its token is renewed in time, or when the server calls it too old. */
import type { Backend } from "./backend.js";
import { type AuthFailure, fromAuth, isTooOld } from "./errors.js";
import { inTime } from "./pause.js";
import { userOf } from "./token.js";

/** Auth's client, as far as a session needs it: a client of supabase-js has one. */
interface Auth {
  getSession(): Promise<{ error: AuthFailure | null }>;
  refreshSession(): Promise<{ error: AuthFailure | null }>;
  onAuthStateChange(onChange: (event: string, session: { user: { id: string } } | null) => void): {
    data: { subscription: { unsubscribe(): void } };
  };
}

/** What is under way of each Auth client, however many clients of ours are around it. */
const RENEWING = new WeakMap<Auth, Promise<void>>();

/** Hears that somebody signed in, or out; `isOther`: that what was read is not theirs. */
export type OnUser = (isOther: boolean) => void;

/** Whoever the client is signed in as; nobody, with a key alone. */
export class Session {
  #userId: string | null | undefined;
  #stopWatching: (() => void) | null = null;
  readonly #watchers = new Set<OnUser>();

  constructor(private readonly backend: Backend) {}

  /** What Realtime joins with. */
  get token(): string | null {
    return this.backend.realtime.accessTokenValue;
  }

  /** Whose session it is; null for a key, and where nobody is signed in. */
  get userId(): string | null {
    return userOf(this.token);
  }

  /** Hear who signs in and out; return what ends it. */
  watch(onUser: OnUser): () => void {
    this.#watchers.add(onUser);
    return () => this.#watchers.delete(onUser);
  }

  /** Ask Auth's client to tell: from the first subscription on. */
  listen(): void {
    this.#stopWatching ??= this.#watchAuth();
  }

  /** Hear of nobody any more, until the next subscription. */
  unwatch(): void {
    this.#stopWatching?.();
    this.#stopWatching = null;
  }

  /**
   * Give Realtime a token that is valid by the clock.
   *
   * @throws {@link NotSignedIn} the session is over
   * @throws {@link Unreachable} Auth did not answer: without a session's token, Realtime would get the key
   */
  async renewIfExpired(): Promise<void> {
    await inTime(async () => {
      const { error } = (await this.#auth?.getSession()) ?? { error: null };
      if (error) throw fromAuth(error);
      await this.backend.realtime.setAuth();
    });
    this.#note(this.userId);
  }

  /**
   * Get a new token, whatever the clock says of the present one; whoever else wants one gets the same.
   *
   * @throws {@link NotSignedIn} there is no session of ours, or it is over
   * @throws {@link Unreachable} Auth did not answer
   */
  async renew(): Promise<void> {
    const auth = this.#auth;
    if (!auth) return this.renewIfExpired(); // the application brings a new one
    await shared(RENEWING, auth, () =>
      inTime(async () => {
        const { error } = await auth.refreshSession();
        if (error) throw fromAuth(error);
        await this.backend.realtime.setAuth();
      }),
    );
  }

  /**
   * Send a request; once more with a new token, if the server calls the present one too old.
   *
   * The device's clock does not tell: it may be hours behind.
   */
  async send<Answer extends { error: unknown }>(
    request: () => PromiseLike<Answer>,
  ): Promise<Answer> {
    const answer = await request();
    if (!isTooOld(answer.error)) return answer;
    try {
      await this.renew();
    } catch {
      return answer; // the server's own refusal says more
    }
    return request();
  }

  #watchAuth(): () => void {
    const watched = this.#auth?.onAuthStateChange((_, session) => {
      this.#note(session?.user.id ?? null);
    });
    return () => watched?.data.subscription.unsubscribe();
  }

  #note(userId: string | null): void {
    const before = this.#userId;
    this.#userId = userId;
    if (before === undefined || before === userId) return;
    this.#watchers.forEach((tell) => tell(before !== null));
  }

  /** Auth's client; none, where the application brings its own tokens: it throws at whoever looks at it. */
  get #auth(): Auth | null {
    try {
      const { auth } = this.backend as { auth?: Auth };
      return typeof auth?.getSession === "function" ? auth : null;
    } catch {
      return null;
    }
  }
}

/** Give what is under way for `key`, or begin it. */
export function shared<Key extends object, Value>(
  pending: WeakMap<Key, Promise<Value>>,
  key: Key,
  begin: () => Promise<Value>,
): Promise<Value> {
  let present = pending.get(key);
  if (!present) {
    present = begin().finally(() => pending.delete(key));
    pending.set(key, present);
  }
  return present;
}
