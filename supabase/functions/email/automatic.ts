// Mail that no person wrote to us: it is stored, and never answered by a program (RFC 3834), so that two
// programs cannot talk to one another without end.

import { header, headers, type Mail } from "./mail.ts";

const MACHINES =
  /^(?:mailer-daemon|postmaster|bounces?|no[._-]?reply|do[._-]?not[._-]?reply|donotreply|nobody|autoreply|auto[._-]?responder|notifications?|listserv|majordomo)(?:[+=._-].*)?@/;
const LISTS = ["list-id", "list-post", "list-unsubscribe", "list-help", "list-subscribe"];
const MARKS = ["x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply", "x-loop"];
const REPORTS = [
  "message/delivery-status",
  "message/disposition-notification",
  "message/feedback-report",
];
// What Exchange and its kin write before the subject of an automatic reply.
const SUBJECTS =
  /^(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office|automatische (?:antwort|reactie)|abwesenheits(?:notiz|nachricht)|réponse automatique|respuesta automática|risposta automatica|resposta automática|automatiskt? svar|odpowiedź automatyczna|автоматический ответ|автоответ|自動応答|自动回复|자동 회신)/iu;

/** Return by what it is known that a program sent the mail to `account`; null for a person's mail. */
export function automaticBy(mail: Mail, account: string): string | null {
  const submitted = header(mail, "auto-submitted").trim().toLowerCase();
  if (submitted && !/^no\b/.test(submitted)) return "auto-submitted";
  if (isReport(mail)) return "report";
  if (hasNoReturn(mail)) return "return-path";
  if (MACHINES.test(mail.from?.address ?? "")) return "sender";
  if (/\b(?:all|oof|autoreply)\b/i.test(header(mail, "x-auto-response-suppress"))) {
    return "x-auto-response-suppress";
  }
  const mark = MARKS.find((key) => header(mail, key) !== "");
  if (mark) return mark;
  if (mail.files.some(({ method }) => method === "REPLY" || method === "COUNTER")) {
    return "calendar";
  }
  return listHeader(mail, account) ?? (SUBJECTS.test(mail.subject.trim()) ? "subject" : null);
}

/** A person may bring a report in a mail of theirs: they forward what came back to them. */
export function isReport(mail: Mail): boolean {
  const type = header(mail, "content-type");
  if (/^\s*multipart\/report\b/i.test(type)) return true;
  const isPersons = type !== "" && !hasNoReturn(mail) && !MACHINES.test(mail.from?.address ?? "");
  return !isPersons && mail.files.some((file) => REPORTS.includes(file.type));
}

/** Nobody wants an answer: the empty path is what bounces and automatic replies are sent with. */
function hasNoReturn(mail: Mail): boolean {
  return headers(mail, "return-path").some((path) => /^\s*<\s*>/.test(path));
}

/** A team's address may itself be a list or a group, which marks all that it passes on. */
function listHeader(mail: Mail, account: string): string | null {
  const names = [...headers(mail, "list-id"), ...headers(mail, "list-post")].join(" ")
    .toLowerCase();
  const isOwn = [account.replace("@", "."), `mailto:${account}`]
    .some((name) => names.includes(`<${name}>`));
  if (isOwn) return null;
  if (/^\s*(?:bulk|junk|list|auto[_-]?reply)\b/i.test(header(mail, "precedence"))) {
    return "precedence";
  }
  return LISTS.find((key) => header(mail, key) !== "") ?? null;
}
