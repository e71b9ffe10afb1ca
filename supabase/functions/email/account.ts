// Which of the team's addresses a mail is for.

import { fields, text } from "../_shared/json.ts";
import { log } from "../_shared/log.ts";
import { project } from "../_shared/project.ts";
import { Refusal } from "../_shared/refusal.ts";
import type { Scope } from "../_shared/secrets.ts";
import { mailboxes, replyAddress } from "./addresses.ts";
import type { Mail } from "./mail.ts";

// Addresses that a provider gives out to forward to; no customer wrote to one, and none may answer as one.
const GATEWAY =
  /@(?:.+\.)?(?:inbound\.postmarkapp\.com|mailgun\.org|sendgrid\.net|inbound-smtp\.[^@]+)$/;

export interface Recipient {
  account: string | null;
  /** The conversation that the address names. */
  token: string | null;
  /** More of the team's accounts that the mail names: it comes for each of them. */
  others: string[];
}

/**
 * Choose among whom the mail names. An account that is connected wins; a new one is the address that the
 * server took the mail for. What the sender wrote (`To`) makes an account only when there is none yet:
 * else anybody could have us answer in the name of any address.
 */
export function recipientOf(mail: Mail, connected: readonly string[], scope: Scope): Recipient {
  const envelope = mail.envelope.map(({ address }) => replyAddress(address));
  const written = mail.recipients.map(({ address }) => replyAddress(address));
  const named = [...envelope, ...written];
  const ours = scope === "every account" ? connected : [...scope];
  const known = named.filter(({ account }) => ours.includes(account));
  const own = envelope.find(({ account }) => !GATEWAY.test(account));
  const found = known.find(({ token }) => token !== null) ?? known[0] ??
    (scope === "every account" ? own : undefined) ??
    (ours.length ? { account: ours[0], token: null } : written[0] ?? envelope[0]);
  const others = [...new Set(known.map(({ account }) => account))]
    .filter((account) => account !== found?.account);
  return { account: found?.account ?? null, token: found?.token ?? null, others };
}

export interface Account {
  address: string;
  /** How its mail server calls itself in `Authentication-Results`. */
  server: string | null;
  /** Whose mails are by whom their `Reply-To` names: the forms of the team's sites. */
  trusted: string[];
}

/** Return the accounts that are connected, the oldest first. */
export async function connectedAccounts(): Promise<Account[]> {
  const { data, error } = await project.from("communication_channels")
    .select("external_account_id, configuration").eq("type", "email")
    .not("external_account_id", "is", null).order("created_at")
    .retry(false); // the sender will
  if (!error) {
    return data.map(({ external_account_id, configuration }) => ({
      address: external_account_id,
      server: text(fields(configuration).authentication_server)?.trim() ?? null,
      trusted: mailboxes(text(fields(configuration).trusted_senders) ?? "")
        .map(({ address }) => address),
    }));
  }
  log("error", "database.refused", { table: "communication_channels", code: error.code });
  throw new Refusal(503, "accounts_unknown");
}
