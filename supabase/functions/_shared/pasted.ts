// Secrets as people paste them: with a line break, typographic quotes, or the name of the setting.

const UNSEEN = /[\ufeff\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064]/g;
const ASSIGNMENT = /^(?:export\s+)?[A-Z][A-Z0-9_]{2,}\s*=\s*(?=\S)|^Bearer\s+/i;
const QUOTED = /^(["'`“”„‘’‚«»<])(.*)(["'`“”‘’«»>])$/s;

/** Return the secrets that one may mean: what it is, and what it is without what came along with it. */
export function readings(secret: string | null | undefined): string[] {
  return [...new Set([secret ?? "", pasted(secret ?? "")])].filter((reading) => reading.trim());
}

function pasted(secret: string): string {
  for (;;) {
    const before = secret;
    secret = secret.replace(UNSEEN, "").trim().replace(/(?:\\[nr])+$/, "");
    secret = secret.replace(ASSIGNMENT, "").replace(QUOTED, "$2");
    if (secret === before) return secret;
  }
}
