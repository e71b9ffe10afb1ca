/** The ways in that a project offers, and what became of trying one. */
import type { AuthError, Provider, SupabaseClient } from "@supabase/supabase-js";

import type { Config } from "../config/config";
import type { Strings } from "../strings";

export interface Ways {
  hasEmail: boolean;
  providers: Provider[];
}

const NO_PROVIDERS = new Set(["email", "phone", "anonymous_users", "web3_solana", "web3_ethereum"]);
const NAMES: Record<string, string> = {
  azure: "Microsoft",
  github: "GitHub",
  gitlab: "GitLab",
  linkedin_oidc: "LinkedIn",
  slack_oidc: "Slack",
  workos: "WorkOS",
};

/** Ask Auth what is configured; by e-mail alone, when it does not say. */
export async function readWays({ url, anonKey }: Config): Promise<Ways> {
  try {
    const answer = await fetch(`${url}/auth/v1/settings`, { headers: { apikey: anonKey } });
    const { external = {} } = (await answer.json()) as { external?: Record<string, boolean> };
    const names = Object.keys(external).filter((name) => external[name] && !NO_PROVIDERS.has(name));
    return { hasEmail: external["email"] !== false, providers: names as Provider[] };
  } catch {
    return { hasEmail: true, providers: [] };
  }
}

export function nameOf(provider: string): string {
  return NAMES[provider] ?? provider[0]!.toUpperCase() + provider.slice(1);
}

/** Where links and providers lead back to: this page, without what it shows. */
function here(): string {
  return location.origin + location.pathname;
}

export async function byPassword({ auth }: SupabaseClient, email: string, password: string) {
  return (await auth.signInWithPassword({ email, password })).error;
}

/** Nobody gets an account by it. */
export async function byLink({ auth }: SupabaseClient, email: string) {
  const options = { emailRedirectTo: here(), shouldCreateUser: false };
  return (await auth.signInWithOtp({ email, options })).error;
}

export async function byProvider({ auth }: SupabaseClient, provider: Provider) {
  return (await auth.signInWithOAuth({ provider, options: { redirectTo: here() } })).error;
}

/** Say what went wrong to whoever tried. */
export function explain({ code, status, message }: AuthError, strings: Strings): string {
  const { signIn } = strings;
  if (code === "invalid_credentials") return signIn.wrong;
  if (code === "otp_disabled") return signIn.noLink;
  if (status === 429) return signIn.limited;
  if (!status || status >= 500) return signIn.unreachable;
  return signIn.failed(message);
}
