/** The content security policy of the inbox: nothing inline, nothing from elsewhere but the project. */

/** Where the project may be: its address is told by `config.json`, after the page was built. */
const PROJECT = ["https:", "http://localhost:*", "http://127.0.0.1:*"];
const SOCKETS = ["wss:", "ws://localhost:*", "ws://127.0.0.1:*"];

/** Return it as a header, or a meta element, has it. */
export function policy(): string {
  const rules: Record<string, string[]> = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "font-src": ["'self'"],
    "connect-src": ["'self'", ...PROJECT, ...SOCKETS],
    "img-src": ["'self'", "blob:", ...PROJECT],
    "media-src": ["blob:", ...PROJECT],
    "manifest-src": ["'self'"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "require-trusted-types-for": ["'script'"],
    "trusted-types": ["'none'"],
  };
  return Object.entries(rules)
    .map(([name, sources]) => `${name} ${sources.join(" ")}`)
    .join("; ");
}
