/** The session behind a client: topics join with its token, renewed before it is used too late. */
import type { SupabaseClient } from "@supabase/supabase-js";

import { fromAuth } from "./errors.js";
import { inTime } from "./pause.js";

/** Whoever the client is signed in as; nobody, with a key alone. */
export class Session {
  constructor(private readonly supabase: SupabaseClient) {}

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

  /** Auth's client; none, where the application brings its own tokens: it throws at whoever looks at it. */
  get #auth(): SupabaseClient["auth"] | null {
    try {
      return typeof this.supabase.auth.getSession === "function" ? this.supabase.auth : null;
    } catch {
      return null;
    }
  }
}
