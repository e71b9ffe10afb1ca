/** The session behind a client: its token is renewed in time, or when the server calls it too old. */
import type { SupabaseClient } from "@supabase/supabase-js";

import { countByOwnClock } from "./clock.js";
import { fromAuth, isTooOld, NotSignedIn, RomashkaError } from "./errors.js";
import { inTime } from "./pause.js";

/** What is under way of each Supabase client, however many clients of ours are around it. */
const SIGNING_IN = new WeakMap<SupabaseClient["auth"], Promise<string>>();
const RENEWING = new WeakMap<SupabaseClient["auth"], Promise<void>>();

/** Whoever the client is signed in as; nobody, with a key alone. */
export class Session {
  constructor(private readonly supabase: SupabaseClient) {
    const auth = this.#auth;
    if (auth) countByOwnClock(auth);
  }

  /** What Realtime joins with. */
  get token(): string | null {
    return this.supabase.realtime.accessTokenValue;
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
      await this.supabase.realtime.setAuth();
    });
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
        await this.supabase.realtime.setAuth();
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

  /**
   * Return whose session there is; or sign in as `signIn` does, unless that is under way: a user is made once.
   *
   * @throws {@link Unreachable} there is one, and it could not be renewed: its user is not to be lost for that
   */
  signInOnce(signIn: () => Promise<string>): Promise<string> {
    const { auth } = this.supabase;
    return shared(SIGNING_IN, auth, async () => {
      const { data, error } = await kept(() => auth.getSession());
      if (data.session) return data.session.user.id;
      const failure = error && fromAuth(error);
      if (failure?.retryable) throw failure;
      return kept(signIn);
    });
  }

  /** Auth's client; none, where the application brings its own tokens: it throws at whoever looks at it. */
  get #auth(): SupabaseClient["auth"] | null {
    try {
      return typeof this.supabase.auth.getSession === "function" ? this.supabase.auth : null;
    } catch {
      return null;
    }
  }
}

/**
 * Do what reads or writes the session, wherever the application keeps it.
 *
 * @throws {@link NotSignedIn} it cannot be kept there: the storage is full, or closed to the page
 */
export async function kept<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RomashkaError) throw error;
    const way = "give supabase-js a storage that works (auth.storage), or persistSession: false";
    const reason = `unable to sign in; the session cannot be kept (${(error as Error).message}): ${way}`;
    throw Object.assign(new NotSignedIn(reason, "session_not_kept"), { cause: error });
  }
}

/** Give what is under way for `key`, or begin it. */
function shared<Key extends object, Value>(
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
