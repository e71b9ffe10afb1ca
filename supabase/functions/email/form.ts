// Mails that are posted as forms: raw ones of SendGrid (`email`, `envelope`) and Mailgun (`body-mime`, `recipient`),
// and those whose parts SendGrid has taken apart (`headers`, `text`, `html`).

import { Buffer } from "node:buffer";
import { fields, list, text } from "../_shared/json.ts";
import { Refusal } from "../_shared/refusal.ts";
import { mailboxes } from "./addresses.ts";
import { dkimResult, type Result, spfResult } from "./authentication.ts";
import { Form } from "./form_data.ts";
import { headers, line, type Mail, type Mailbox, type MailFile } from "./mail.ts";
import { parseMime, withInnerMails } from "./mime.ts";

type Body = Uint8Array<ArrayBuffer>;

const MAX_FILES = 100;

/** Parse the mail in a form; a Refusal (400) for what is none, or has none. */
export async function parseForm(body: Body, type: string): Promise<Mail> {
  const form = await Form.of(body, type);
  const raw = await form.bytes("body-mime") ?? await form.bytes("email");
  const mail = raw ? await parseMime(raw) : await parseParts(form);
  return {
    ...mail,
    envelope: [...envelopeOf(form), ...mail.envelope],
    results: resultsOf(form, mail),
  };
}

/** SendGrid says in `charsets` of which charset each field is, and in `attachment-info` what the files are. */
async function parseParts(form: Form): Promise<Mail> {
  const header = await form.bytes("headers");
  if (!header) throw new Refusal(400, "no_mail");
  const mail = await parseMime(new Uint8Array(Buffer.concat([header, Buffer.from("\r\n\r\n")])));
  const charsets = fields(form.json("charsets"));
  return await withInnerMails({
    ...mail,
    text: form.text("text", text(charsets.text)),
    html: form.text("html", text(charsets.html)),
    files: await filesOf(form),
  });
}

async function filesOf(form: Form): Promise<MailFile[]> {
  const names = Object.entries(fields(form.json("attachment-info"))).slice(0, MAX_FILES);
  const files = await Promise.all(names.map(async ([field, said]) => {
    const file = await form.file(field);
    const { filename, name, type, "content-id": contentId } = fields(said);
    return file && {
      name: line(text(filename) ?? text(name) ?? file.name, 200),
      type: (text(type) ?? file.type).split(";")[0].trim().toLowerCase(),
      content: file.content,
      isInline: text(contentId) !== undefined,
    };
  }));
  return files.filter((file) => file !== null);
}

/** Read what the services found out about the sender, beside the mail. */
function resultsOf(form: Form, mail: Mail): Result[] {
  return form.has("body-mime") ? mailgunsResults(form, mail) : sendgridsResults(form, mail);
}

/**
 * `SPF` is about the envelope's sender, `dkim` is `{@example.org : pass}`. What a signature calls its domain, its
 * sender chose: one with other signs says nothing.
 */
function sendgridsResults(form: Form, mail: Mail): Result[] {
  const path = text(fields(form.json("envelope")).from) ?? "";
  const isPlain = headers(mail, "dkim-signature")
    .every((value) => /(?:^|;)\s*d\s*=\s*[\w.-]+\s*(?:;|$)/i.test(value));
  const dkim = isPlain
    ? [...form.text("dkim").slice(0, 10_000).matchAll(/@([\w.-]+)\s*:\s*(\w+)/g)]
    : [];
  return [
    ...(form.has("SPF") ? [spfResult(form.text("SPF"), path)] : []),
    ...dkim.map(([, domain, result]) => dkimResult(result, domain)),
  ];
}

/**
 * Mailgun writes on top of the mail, above `Received`. It does not say which signature it means: where there are
 * several, it says nothing.
 */
function mailgunsResults(form: Form, mail: Mail): Result[] {
  const received = mail.headers.findIndex(({ key }) => key === "received");
  const own = { ...mail, headers: mail.headers.slice(0, Math.max(received, 0)) };
  const [spf] = headers(own, "x-mailgun-spf");
  const [dkim] = headers(own, "x-mailgun-dkim-check-result");
  const signatures = headers(mail, "dkim-signature");
  const [, domain] = signatures[0]?.match(/(?:^|;)\s*d\s*=\s*([\w.-]+)\s*(?:;|$)/i) ?? [];
  return [
    ...(spf ? [spfResult(spf, form.text("sender"))] : []),
    ...(dkim && domain && signatures.length === 1 ? [dkimResult(dkim, domain)] : []),
  ];
}

function envelopeOf(form: Form): Mailbox[] {
  return [form.text("recipient"), ...list(fields(form.json("envelope")).to)]
    .flatMap((one) => mailboxes(text(one) ?? ""));
}
