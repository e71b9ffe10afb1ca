/** The client around a whole supabase-js: signing in and files, too. */
import type { SupabaseClient } from "@supabase/supabase-js";

import { Attachments } from "./attachments.js";
import { Client } from "./client.js";
import { countByOwnClock } from "./clock.js";
import type { Database } from "./database.js";
import { signIn, signInAnonymously } from "./signIn.js";
import { transfer } from "./transfer.js";

/**
 * A Romashka project, as a client of supabase-js reaches it.
 *
 * @example
 * ```ts
 * const client = new Romashka(createClient(url, anonKey));
 * await client.signInAnonymously();
 * const conversation = await client.conversations.create("visitor-17");
 * const answer = await conversation.ask("What is Romashka?");
 * ```
 */
export class Romashka extends Client {
  /** The wrapped client, for everything that this package does not cover. */
  readonly supabase: SupabaseClient<Database>;
  readonly attachments: Attachments;

  /**
   * @param supabase with the anon (publishable) key, then sign in; or, on a server, with the service role
   *   (secret) key, which needs no sign-in
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an app has types of its own
  constructor(supabase: SupabaseClient<any, any, any>) {
    super(supabase);
    this.supabase = supabase as SupabaseClient<Database>;
    countByOwnClock(this.supabase);
    this.attachments = new Attachments(this, this.supabase.storage, transfer);
  }

  /**
   * Become a new customer without an account, unless there is a session; return the user's id.
   *
   * Called again before it is done, it gives the same one, as React's StrictMode does: a user is made once.
   *
   * @param options `captchaToken`, what hCaptcha or Turnstile gave, where the project asks for one
   * @throws {@link NotSignedIn} the project does not allow it, or the session cannot be kept
   * @throws {@link Unreachable} there is a session, and it could not be renewed
   */
  async signInAnonymously(options: { captchaToken?: string } = {}): Promise<string> {
    return signInAnonymously(this.supabase, options);
  }

  /**
   * Sign in with e-mail and password; return the user's id.
   *
   * @throws {@link NotSignedIn} they do not match an account
   */
  async signIn(email: string, password: string): Promise<string> {
    return signIn(this.supabase, email, password);
  }
}
