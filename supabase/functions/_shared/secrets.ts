// What senders prove themselves with: a secret in the environment for all accounts of a channel, or an
// account's own in the database.

import { type Credential, getCredentials, isOnlyAccount } from "./database.ts";
import { readings } from "./pasted.ts";
import { Refusal } from "./refusal.ts";

/** Whose events a proof is good for. */
export type Scope = "every account" | ReadonlySet<string>;

const CACHE_MS = 10_000;
const cache = new Map<string, { credentials: Promise<Credential[]>; until: number }>();

/**
 * Find the secrets called `name` that `proves` accepts, and return whose events that lets in; null for
 * none. Where no such secret was ever set, nobody can prove anything: the refusal says what to set.
 * An account whose name is not known yet learns it from its first webhook, if it is the only one.
 */
export async function findScope(
  channel: string,
  name: string,
  proves: (secret: string) => boolean,
): Promise<Scope | null> {
  const variable = `${channel}_${name}`.toUpperCase();
  const shared = readings(Deno.env.get(variable));
  if (shared.some(proves)) return "every account";
  const own = (await cachedCredentials(channel)).filter((credential) => credential.name === name);
  if (!shared.length && !own.length) {
    throw new Refusal(403, "not_configured", `Set ${variable}, or the account's own ${name}.`);
  }
  const proving = own.filter(({ value }) => readings(value).some(proves));
  const proven = proving.map(({ account }) => account);
  if (proven.includes(null) && await isOnlyAccount(channel)) return "every account";
  const accounts = proven.filter((account) => account !== null);
  return accounts.length ? new Set(accounts) : null;
}

/** Asks again after some seconds, so that a new secret works soon and wrong signatures cost little. */
function cachedCredentials(channel: string): Promise<Credential[]> {
  const known = cache.get(channel);
  if (known && known.until > Date.now()) return known.credentials;
  const credentials = getCredentials(channel);
  cache.set(channel, { credentials, until: Date.now() + CACHE_MS });
  credentials.catch(() => cache.delete(channel));
  return credentials;
}
