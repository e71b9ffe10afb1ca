// What the server that took the mail found out about its sender (RFC 8601).

import { header, headers, type Mail } from "./mail.ts";

export type Authentication = Partial<Record<"spf" | "dkim" | "dmarc", string>>;

/**
 * Read the results of the last server alone: whatever stands below its header, a sender may have written.
 * A forged result can at most call its own mail a forgery.
 */
export function authenticationOf(mail: Mail): Authentication {
  const [newest = ""] = headers(mail, "authentication-results");
  const server = serverOf(newest);
  const results = headers(mail, "authentication-results")
    .filter((value) => serverOf(value) === server).map(bare).join(";").slice(0, 10_000);
  const found: Authentication = {};
  for (const method of ["spf", "dkim", "dmarc"] as const) {
    const all = [...results.matchAll(new RegExp(`(?:^|[;\\s])${method}\\s*=\\s*([a-z]+)`, "gi"))]
      .map(([, result]) => result.toLowerCase());
    const decisive = method === "dmarc" ? "fail" : "pass"; // one of several signatures is enough
    if (all.length) found[method] = all.includes(decisive) ? decisive : all[0];
  }
  found.spf ??= header(mail, "received-spf").match(/^\s*([a-z]+)/i)?.[1].toLowerCase();
  if (found.spf === undefined) delete found.spf;
  return found;
}

/**
 * Is it somebody else's than who it seems to be from, or may it be? DMARC vouches for one author: of several, or
 * of one whom programs read in different ways, nobody knows which.
 */
export function isForged(mail: Mail): boolean {
  const from = headers(mail, "from");
  return authenticationOf(mail).dmarc === "fail" || from.length > 1 || !from.every(isOneAuthor);
}

function isOneAuthor(from: string): boolean {
  const said = bare(from).trim();
  return said.includes("<")
    ? /^[^<>]*<[^<>]*>$/.test(said) && !/@[^<]*,/.test(said)
    : !/[\s,;:]/.test(said);
}

/** Without what senders choose freely: quoted texts and comments. */
function bare(value: string): string {
  return value.slice(0, 10_000).replace(/"(?:[^"\\]|\\.)*"|\([^()]*\)/g, "");
}

function serverOf(value: string): string {
  return value.trim().split(/[\s;]/, 1)[0].toLowerCase();
}
