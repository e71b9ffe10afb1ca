// The service role's keys: what the platform gives to functions, and what a replay is sent with.

import { isSame } from "./same.ts";

/** The project's new secret keys where it has any, and the old one. */
export function serviceKeys(): string[] {
  const named: unknown[] = Object.values(JSON.parse(Deno.env.get("SUPABASE_SECRET_KEYS") || "{}"));
  return [...named, Deno.env.get("SUPABASE_SERVICE_ROLE_KEY")].filter((key) =>
    typeof key === "string" && key !== ""
  ) as string[];
}

/** Whether the caller is the project's own service role: it replays what was stored. */
export function isServiceRole(request: Request): boolean {
  const given = bearerToken(request);
  return given !== null && serviceKeys().some((key) => isSame(given, key));
}

export function bearerToken(request: Request): string | null {
  return request.headers.get("authorization")?.match(/^Bearer +(\S+)$/i)?.[1] ?? null;
}
