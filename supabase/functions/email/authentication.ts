// What the server that took the mail found out about its sender (RFC 8601), and whether that is a proof.

import { withoutComments } from "./comments.ts";
import { header, headers, type Mail } from "./mail.ts";

const METHODS = /^(?:spf|dkim|dmarc)(?![\w-])/i;

export type Authentication = Partial<Record<"spf" | "dkim" | "dmarc", string>>;

/** One result of a server: `dkim=pass header.d=example.org`. */
export interface Result {
  method: string;
  result: string;
  /** `header.d`, `smtp.mailfrom` and their like, lower case. */
  properties: Record<string, string>;
}

/**
 * Why it is not known that a mail is by whom it names. `dmarc`: it is known not to be, or programs read
 * different authors in it.
 */
export type Doubt =
  | "dmarc"
  | "no_verdict"
  | "unknown_verdict"
  | "no_policy"
  | "other_author"
  | "reply_to";

/** Return what every header of the last server says together, for staff to see. */
export function authenticationOf(mail: Mail, server: string | null): Authentication {
  const results = [...(mail.results), ...serversHeaders(mail, server).flatMap(read)];
  const found: Authentication = {};
  for (const method of ["spf", "dkim", "dmarc"] as const) {
    const all = results.filter((one) => one.method === method).map(({ result }) => result);
    const decisive = method === "dmarc" ? "fail" : "pass"; // one of several signatures is enough
    if (all.length) found[method] = all.includes(decisive) ? decisive : all[0];
  }
  found.spf ??= header(mail, "received-spf").match(/^\s*([a-z]+)/i)?.[1].toLowerCase();
  if (found.spf === undefined) delete found.spf;
  return found;
}

/**
 * Return why the mail may be another's than its From's; null where the receiving server vouches for that one.
 * DMARC vouches for one author; where a domain has no policy, a signature of the domain's own does, or its own path.
 */
export function doubtOf(mail: Mail, server: string | null): Doubt | null {
  if (!mail.isOneAuthor) return "dmarc";
  if (authenticationOf(mail, server).dmarc === "fail") return "dmarc";
  const author = mail.from!.address.split("@")[1];
  const trusted = trustedHeaders(mail, server);
  const parsed = trusted.map(parseResults);
  if (parsed.includes(null)) return "unknown_verdict";
  const results = [...(mail.results), ...parsed.flatMap((one) => one ?? [])];
  const dmarc = results.filter(({ method }) => method === "dmarc");
  if (dmarc.some(({ result }) => result === "pass")) return doubtOfPass(dmarc, author);
  if (dmarc.some(({ result }) => result !== "none" && result !== "bestguesspass")) {
    return "unknown_verdict";
  }
  if (results.some((one) => isOwn(one, author))) return null;
  return results.length ? "no_policy" : "no_verdict";
}

/** Two verdicts about one mail are none; and the one has to be about the author that we read. */
function doubtOfPass(dmarc: Result[], author: string): Doubt | null {
  if (dmarc.some(({ result, properties }) => result !== "pass" || !properties["header.from"])) {
    return "unknown_verdict";
  }
  const isAuthor = ({ properties }: Result) => domainOf(properties["header.from"]) === author;
  return dmarc.every(isAuthor) ? null : "other_author";
}

/** Whoever has a domain has those below it: a signature of `example.org` is one of `mail.example.org`. */
function isOwn({ method, result, properties }: Result, author: string): boolean {
  if (result !== "pass") return false;
  const named = method === "dkim"
    ? properties["header.d"] ?? properties["header.i"]
    : method === "spf"
    ? properties["smtp.mailfrom"] ?? properties["smtp.mail"]
    : undefined;
  const domain = domainOf(named ?? "");
  return domain !== null && domain.includes(".") &&
    (author === domain || author.endsWith(`.${domain}`));
}

function domainOf(value: string): string | null {
  const host = value.slice(value.lastIndexOf("@") + 1).replace(/\.$/, "");
  try {
    const ascii = new URL(`http://${host}`).hostname;
    return /^[a-z0-9.-]+$/.test(ascii) && !/[%/:?#\\]/.test(host) ? ascii : null;
  } catch {
    return null;
  }
}

/**
 * Return the headers that the receiving server wrote: where its name is known, its newest; else those above the
 * first `Received`, where no sender writes.
 */
function trustedHeaders(mail: Mail, server: string | null): string[] {
  const received = mail.headers.findIndex(({ key }) => key === "received");
  const above = { ...mail, headers: mail.headers.slice(0, Math.max(received, 0)) };
  const onTop = serversHeaders(above, server);
  return onTop.length ? onTop : server === null ? [] : serversHeaders(mail, server).slice(0, 1);
}

/** The headers of one server: the account's, or whichever wrote the newest. */
function serversHeaders(mail: Mail, server: string | null): string[] {
  const all = headers(mail, "authentication-results");
  const wanted = server?.toLowerCase() ?? serverOf(all[0] ?? "");
  return all.filter((value) => serverOf(value) === wanted);
}

/** A result as services tell it beside the mail; `sender` is the envelope's, whose path SPF is about. */
export function spfResult(said: string, sender: string): Result {
  const result = said.trim().toLowerCase() || "none";
  return { method: "spf", result, properties: { "smtp.mailfrom": sender.trim().toLowerCase() } };
}

export function dkimResult(said: string, domain: string): Result {
  const properties = { "header.d": domain.toLowerCase() };
  return { method: "dkim", result: said.trim().toLowerCase(), properties };
}

function read(value: string): Result[] {
  return parseResults(value) ?? [];
}

/** Return the results in a header, in any of RFC 8601's forms; null where it has another. */
function parseResults(value: string): Result[] | null {
  const parts = withoutComments(value, "\u001f")?.split(";").map((part) => part.trim());
  if (!parts) return null;
  const results = METHODS.test(parts[0]) ? parts : parts.slice(1); // Exchange writes no name
  const found: Result[] = [];
  for (const text of results.filter((part) => METHODS.test(part))) {
    const result = parseResult(text);
    if (!result) return null;
    found.push(result);
  }
  return found;
}

function parseResult(text: string): Result | null {
  const [head, method, result] = text.match(/^([\w-]+)(?:\s*\/\s*\d+)?\s*=\s*([\w-]+)(?=\s|$)/) ??
    [];
  if (!head) return null;
  const properties: Record<string, string> = {};
  for (
    const [, name, said] of text.slice(head.length).matchAll(
      /(?<=\s)([\w-]+\s*\.\s*[\w-]+)\s*=\s*(\S+)/g,
    )
  ) {
    const key = name.replace(/\s/g, "").toLowerCase();
    properties[key] = key in properties ? "" : said.toLowerCase(); // said twice, it says nothing
  }
  return { method: method.toLowerCase(), result: result.toLowerCase(), properties };
}

/** The name at the head of a header; it may be quoted, and have a version behind it. */
function serverOf(value: string): string {
  const name = withoutComments(value.trim().replace(/^"([^"]*)"/, "$1")) ?? value.trim();
  const [first] = name.trim().split(/[\s;]/, 1);
  return METHODS.test(first) ? "" : first.toLowerCase();
}
