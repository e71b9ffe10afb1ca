/** Which project the inbox is of: `config.json` beside the page says it. */

export interface Config {
  /** The project's address. */
  url: string;
  /** Its anon (publishable) key. */
  anonKey: string;
}

export type Problem = "missing" | "unreachable" | "notJson" | "noUrl" | "noKey" | "secretKey";

/** Read it; say what is wrong with it, if something is. */
export async function readConfig(): Promise<Config | Problem> {
  try {
    const answer = await fetch("config.json", { cache: "no-cache" });
    if (answer.status === 404) return "missing";
    if (!answer.ok) return "unreachable";
    const text = await answer.text();
    // Hosts of single-page applications give the page for whatever is not there.
    return text.trimStart().startsWith("<") ? "missing" : check(JSON.parse(text));
  } catch (error) {
    return error instanceof SyntaxError ? "notJson" : "unreachable";
  }
}

function check(given: unknown): Config | Problem {
  const { url, anonKey } = (given ?? {}) as Partial<Record<keyof Config, unknown>>;
  if (typeof url !== "string" || !isAddress(url)) return "noUrl";
  if (typeof anonKey !== "string" || anonKey.trim() === "") return "noKey";
  if (isSecret(anonKey)) return "secretKey";
  return { url: url.replace(/\/+$/, ""), anonKey: anonKey.trim() };
}

function isAddress(url: string): boolean {
  return /^https?:$/.test(URL.parse(url)?.protocol ?? "");
}

/** Would everybody who opens the page hold the keys of the project? */
function isSecret(key: string): boolean {
  if (key.trim().startsWith("sb_secret_")) return true;
  try {
    const claims = key.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    return (JSON.parse(atob(claims)) as { role?: unknown }).role === "service_role";
  } catch {
    return false;
  }
}
