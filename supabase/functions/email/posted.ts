// What is posted to the function: a mail in one of the forms that servers and providers send it in.

import { fields, list, text } from "../_shared/json.ts";
import { Refusal } from "../_shared/refusal.ts";
import { mailboxes } from "./addresses.ts";
import type { Result } from "./authentication.ts";
import { headers, type Mail, type Mailbox } from "./mail.ts";
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
  return { mail: FORMS.includes(type) ? await parseForm(body, request) : await parseMime(body) };
}

/** SendGrid (`email`, `envelope`) and Mailgun (`body-mime`, `recipient`) post raw mails in forms. */
async function parseForm(body: Body, request: Request): Promise<Mail> {
  const form = await formOf(body, request);
  const raw = form.get("body-mime") ?? form.get("email");
  if (raw === null) throw new Refusal(400, "no_mail");
  const mail = await parseMime(new Uint8Array(await new Blob([raw]).arrayBuffer()));
  return {
    ...mail,
    envelope: [...envelopeOf(form), ...mail.envelope],
    results: resultsOf(form, mail),
  };
}

async function formOf(body: Body, request: Request): Promise<FormData> {
  try {
    return await new Response(body, {
      headers: { "content-type": request.headers.get("content-type")! },
    }).formData();
  } catch {
    throw new Refusal(400, "no_form");
  }
}

/**
 * Read what SendGrid found out, in fields of its own: `SPF` is about the envelope's sender, `dkim` is
 * `{@example.org : pass}`. What a signature calls its domain, its sender chose: one with other signs says nothing.
 */
function resultsOf(form: FormData, mail: Mail): Result[] {
  const said = (name: string) => text(form.get(name)) ?? "";
  const path = text(fields(parseJson(said("envelope") || "{}")).from) ?? "";
  const spf: Result = {
    method: "spf",
    result: said("SPF").trim().toLowerCase() || "none",
    properties: { "smtp.mailfrom": path.toLowerCase() },
  };
  const isPlain = headers(mail, "dkim-signature")
    .every((value) => /(?:^|;)\s*d\s*=\s*[\w.-]+\s*(?:;|$)/i.test(value));
  const dkim = isPlain
    ? [...said("dkim").slice(0, 10_000).matchAll(/@([\w.-]+)\s*:\s*(\w+)/g)]
    : [];
  return [
    ...(form.has("SPF") ? [spf] : []),
    ...dkim.map(([, domain, result]) => ({
      method: "dkim",
      result: result.toLowerCase(),
      properties: { "header.d": domain.toLowerCase() },
    })),
  ];
}

function envelopeOf(form: FormData): Mailbox[] {
  const envelope = form.get("envelope");
  const to = typeof envelope === "string" ? list(fields(parseJson(envelope)).to) : [];
  return [form.get("recipient"), ...to].flatMap((one) => mailboxes(text(one) ?? ""));
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Refusal(400, "no_json");
  }
}
