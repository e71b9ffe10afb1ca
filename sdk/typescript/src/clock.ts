/**
 * How long a token lasts is counted by the device's clock from when it came, and not to the server's time.
 *
 * Auth says both. By the server's time, a clock an hour ahead calls each new token expired: supabase-js would
 * renew it with every request, until Auth's limit ends the session.
 */
import type { SupabaseClient } from "@supabase/supabase-js";

const DONE = new WeakSet<SupabaseClient["auth"]>();

/** Let Auth's client count by its own clock. */
export function countByOwnClock(supabase: SupabaseClient): void {
  const auth = authOf(supabase);
  const client = (auth ?? {}) as { fetch?: typeof fetch };
  const { fetch: send } = client;
  if (!auth || !send || DONE.has(auth)) return;
  DONE.add(auth);
  client.fetch = async (input, init) => {
    const answer = await send(input, init);
    const read = answer.json.bind(answer);
    answer.json = async () => withoutServersTime(await read());
    return answer;
  };
}

/** None, where the application brings its own tokens: it throws at whoever looks at it. */
function authOf(supabase: SupabaseClient): SupabaseClient["auth"] | null {
  try {
    return typeof supabase.auth.getSession === "function" ? supabase.auth : null;
  } catch {
    return null;
  }
}

/** Take off when a session ends; how many seconds it has stays, and Auth's client counts them. */
function withoutServersTime(answer: unknown): unknown {
  const { access_token, expires_in, expires_at, ...rest } = (answer ?? {}) as Record<
    string,
    unknown
  >;
  if (!access_token || !expires_in || !expires_at) return answer;
  return { access_token, expires_in, ...rest };
}
