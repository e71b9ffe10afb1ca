/** Access tokens, as Auth signs them. */
import { createHmac } from "node:crypto";

import { setting } from "./settings.js";

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

export function claimsOf(token: string): object {
  return JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as object;
}

export function signed(claims: object): string {
  const body = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  const signature = createHmac("sha256", setting("JWT_SECRET")).update(body).digest("base64url");
  return `${body}.${signature}`;
}
