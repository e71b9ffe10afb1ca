// Addresses in one spelling, and what a recipient tells: the team's account, and the conversation.

import { addressParser } from "postal-mime";
import { line, type Mailbox } from "./mail.ts";

const MAX_LENGTH = 320;
const ADDRESS = /^([^\s<>(),;:"]+)@([^\s@<>(),;:"/?#\\]+?)\.?$/;
const TOKEN = /\+([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=@)/;

/** Return the mailboxes that a header names, those in groups too; what is no address is left out. */
export function mailboxes(text: string, limit = 100): Mailbox[] {
  return addressParser(text.slice(0, 20_000), { flatten: true }).slice(0, limit).flatMap(
    (found) => {
      const address = normalAddress(found.address ?? "");
      return address ? [{ address, name: line(found.name, 200) }] : [];
    },
  );
}

/**
 * Return an address so that the same one is always the same text: lower case, its host as DNS has it.
 * Null for what is no address. Servers may tell `A@` from `a@`; no customer means two people by them.
 */
export function normalAddress(text: string): string | null {
  const [, local, host] = text.trim().normalize("NFC").match(ADDRESS) ?? [];
  if (!local || text.length > MAX_LENGTH) return null;
  const ascii = hostname(host);
  return ascii && `${local.toLowerCase()}@${ascii}`;
}

function hostname(host: string): string | null {
  try {
    const { hostname } = new URL(`http://${host}`);
    // A URL has other spellings of a host (`ex%61mple.org`), for which nobody's DMARC vouches.
    const labels = host.toLowerCase().split(".");
    const isItself = hostname.split(".")
      .every((label, place) => label === labels[place] || label.startsWith("xn--"));
    return isItself && /^[a-z0-9.-]+$/.test(hostname) ? hostname : null;
  } catch {
    return null;
  }
}

/** Split `support+<conversation id>@host`, the address that our answers ask replies to. */
export function replyAddress(address: string): { account: string; token: string | null } {
  const token = address.match(TOKEN)?.[1] ?? null;
  return { account: address.replace(TOKEN, ""), token };
}
