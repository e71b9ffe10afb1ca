type Setting =
  | "API_URL"
  | "ANON_KEY"
  | "SERVICE_ROLE_KEY"
  | "JWT_SECRET"
  | "SCENARIOS"
  | "SCENARIOS_URL"
  | "SCENARIOS_CONVERSATION";

/** Where the project is that the tests run against, as `romashka start --json` says it. */
export function setting(name: Setting): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start the local stack, see the README`);
  return value;
}

export const API_URL = setting("API_URL");
export const ANON_KEY = setting("ANON_KEY");
export const SERVICE_ROLE_KEY = setting("SERVICE_ROLE_KEY");
