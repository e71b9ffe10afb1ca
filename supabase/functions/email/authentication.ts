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
    .filter((value) => serverOf(value) === server).join(";").slice(0, 10_000);
  const found: Authentication = {};
  for (const method of ["spf", "dkim", "dmarc"] as const) {
    const all = [...results.matchAll(new RegExp(`(?:^|[;\\s])${method}\\s*=\\s*([a-z]+)`, "gi"))]
      .map(([, result]) => result.toLowerCase());
    if (all.length) found[method] = all.includes("pass") ? "pass" : all[0];
  }
  found.spf ??= header(mail, "received-spf").match(/^\s*([a-z]+)/i)?.[1].toLowerCase();
  if (found.spf === undefined) delete found.spf;
  return found;
}

function serverOf(value: string): string {
  return value.trim().split(/[\s;]/, 1)[0].toLowerCase();
}
