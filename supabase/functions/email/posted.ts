// What is posted to the function: a mail in one of the forms that servers and providers send it in.

import { Refusal } from "../_shared/refusal.ts";
import { parseForm } from "./form.ts";
import type { Mail } from "./mail.ts";
import { parseMime, withInnerMails } from "./mime.ts";
import { parsePostmark } from "./postmark.ts";

type Body = Uint8Array<ArrayBuffer>;

const FORMS = ["multipart/form-data", "application/x-www-form-urlencoded"];

/** Return the mail; for what is none of it (Postmark's JSON about mails that we sent) the JSON. */
export async function parsePosted(
  body: Body,
  request: Request,
): Promise<{ mail: Mail } | { json: unknown }> {
  const type = (request.headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();
  if (type === "application/json") {
    const json = parseJson(new TextDecoder().decode(body));
    const mail = parsePostmark(json);
    return mail ? { mail: await withInnerMails(mail) } : { json };
  }
  if (!FORMS.includes(type)) return { mail: await parseMime(body) };
  return { mail: await parseForm(body, request.headers.get("content-type")!) };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Refusal(400, "no_json");
  }
}
