// Which mails a mail goes on from.

import { createHash } from "node:crypto";
import { header, headers, line, type Mail } from "./mail.ts";

const MAX_REFERENCES = 20;
const ID = /<[^<>\s]{1,900}>/g;
const PREFIX =
  /^(?:\[(?:external|ext|extern|externe?)\]|(?:re|aw|antw?|antwort|sv|vs|vá|odp|od|ynt|rif|r|res|ref|bls|fwd?|fw|wg|tr|rv|enc|doorst|ответ|отв|回复|答复|回覆|转发|返信|転送|답장|전달)\s?(?:\[\d+\]|\(\d+\))?\s?[:：])\s*/iu;

/** Return the mail's own id, `<…>`; one without has one made of what stays when it is sent again. */
export function messageId(mail: Mail): string {
  const [id] = header(mail, "message-id").match(ID) ?? [];
  if (id) return id;
  const parts = [mail.from?.address, mail.date, mail.subject, mail.text, mail.html];
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  return `<${digest}@no-message-id.invalid>`;
}

/** Return the mail that it answers. */
export function answeredBy(mail: Mail): string | undefined {
  return idsOf(mail, "in-reply-to").at(-1);
}

/** Return the ids that it refers to, the newest first; of many the newest, and where the thread began. */
export function references(mail: Mail): string[] {
  const oldestFirst = [...idsOf(mail, "references"), ...idsOf(mail, "in-reply-to")];
  const ids = [...new Set(oldestFirst.toReversed())];
  return ids.length > MAX_REFERENCES ? [...ids.slice(0, MAX_REFERENCES - 1), ids.at(-1)!] : ids;
}

function idsOf(mail: Mail, key: string): string[] {
  return headers(mail, key).flatMap((value) => value.match(ID) ?? []);
}

/** Does the subject say that the mail answers, or forwards, another? */
export function hasPrefix(subject: string): boolean {
  return PREFIX.test(line(subject, 500));
}

/** Return the subject without what clients put before it when they answer. */
export function bareSubject(subject: string): string {
  let bare = line(subject, 500);
  for (let rest = bare.replace(PREFIX, ""); rest !== bare; rest = bare.replace(PREFIX, "")) {
    bare = rest;
  }
  return bare;
}
