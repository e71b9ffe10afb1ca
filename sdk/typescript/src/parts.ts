/** A backend of Supabase's own parts, without the rest of supabase-js: for widgets, which have no room for it. */
import { PostgrestClient } from "@supabase/postgrest-js";
import { RealtimeClient, type RealtimeClientOptions } from "@supabase/realtime-js";

import type { Backend } from "./backend.js";
import type { Database } from "./database.js";

export interface PartsOptions {
  /** Gives the session's access token, good for now; null without a session. Without this, the key is who asks. */
  accessToken?: () => Promise<string | null>;
  fetch?: typeof fetch;
  /** What else Realtime's client takes: a `transport` where there is no WebSocket. */
  realtime?: RealtimeClientOptions;
}

/**
 * Put a backend together for the project at `url`.
 *
 * @param key the anon (publishable) key
 * @example
 * ```ts
 * const client = new Client(connectParts(url, anonKey, { accessToken: () => session.token() }));
 * ```
 */
export function connectParts(url: string, key: string, options: PartsOptions = {}): Backend {
  const { accessToken = async () => null, fetch: send = globalThis.fetch } = options;
  const rest = new PostgrestClient<Database, { PostgrestVersion: "12" }>(`${url}/rest/v1`, {
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set("apikey", key);
      headers.set("authorization", `Bearer ${(await accessToken()) ?? key}`);
      return send(input, { ...init, headers });
    },
  });
  const realtime = new RealtimeClient(`${url.replace(/^http/, "ws")}/realtime/v1`, {
    ...options.realtime,
    params: { ...options.realtime?.params, apikey: key },
    accessToken: async () => (await accessToken()) ?? key,
  });
  return { from: rest.from.bind(rest), rpc: rest.rpc.bind(rest), realtime };
}
