/** Signing in with supabase-js, as who somebody is or as a new customer. */
import type {
  AuthResponse,
  AuthTokenResponsePassword,
  SupabaseClient,
} from "@supabase/supabase-js";

import { fromAuth, NotSignedIn, RomashkaError } from "./errors.js";
import { CALL_MS, inTime } from "./pause.js";
import { shared } from "./session.js";
import { checkStorable } from "./storable.js";

type Auth = SupabaseClient["auth"];

/** What is under way of each Supabase client, however many clients of ours are around it. */
const SIGNING_IN = new WeakMap<Auth, Promise<string>>();

/**
 * Become a new customer without an account, unless there is a session; return the user's id.
 *
 * Called again before it is done, it gives the same one, as React's StrictMode does: a user is made once.
 *
 * @param options `captchaToken`, what hCaptcha or Turnstile gave, where the project asks for one
 * @throws {@link NotSignedIn} the project does not allow it, or the session cannot be kept
 * @throws {@link Unreachable} there is a session, and it could not be renewed: its user is not to be lost for that
 */
export function signInAnonymously(
  { auth }: { auth: Auth },
  options: { captchaToken?: string } = {},
): Promise<string> {
  return shared(SIGNING_IN, auth, async () => {
    const { data, error } = await kept(() => auth.getSession());
    if (data.session) return data.session.user.id;
    const failure = error && fromAuth(error);
    if (failure?.retryable) throw failure;
    return kept(async () => userIn(await auth.signInAnonymously({ options })));
  });
}

/**
 * Sign in with e-mail and password; return the user's id.
 *
 * @throws {@link NotSignedIn} they do not match an account
 */
export async function signIn(
  { auth }: { auth: Auth },
  email: string,
  password: string,
): Promise<string> {
  checkStorable([email, password]);
  return kept(async () => userIn(await auth.signInWithPassword({ email, password })));
}

function userIn({ data, error }: AuthResponse | AuthTokenResponsePassword): string {
  if (error) throw fromAuth(error);
  if (!data.user) throw new NotSignedIn("unable to sign in; the account is not confirmed");
  return data.user.id;
}

/**
 * Do what reads or writes the session, wherever the application keeps it.
 *
 * @throws {@link NotSignedIn} it cannot be kept there: the storage is full, or closed to the page
 */
async function kept<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await inTime(work, { timeoutMs: CALL_MS });
  } catch (error) {
    if (error instanceof RomashkaError) throw error;
    const way = "give supabase-js a storage that works (auth.storage), or persistSession: false";
    const reason = `unable to sign in; the session cannot be kept (${(error as Error).message}): ${way}`;
    throw Object.assign(new NotSignedIn(reason, "session_not_kept"), { cause: error });
  }
}
