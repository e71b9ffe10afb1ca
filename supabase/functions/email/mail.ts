// A mail as every reader of it here sees it, whichever way it came.

import { decodeWords } from "postal-mime";
import type { Result } from "./authentication.ts";

export interface Mailbox {
  address: string;
  name: string;
}

export interface MailFile {
  name: string;
  /** Lower case, without parameters. */
  type: string;
  content: Uint8Array<ArrayBuffer>;
  /** Shown by the HTML, or meant to be shown in it. */
  isInline: boolean;
  /** Of an invitation or its answer: `REQUEST`, `REPLY`. */
  method?: string | undefined;
}

export interface Header {
  /** Lower case. */
  key: string;
  value: string;
}

export interface Mail {
  /** In the order of the mail, the newest (the last server's) first. */
  headers: Header[];
  from: Mailbox | null;
  /** Is `from` the only author that any program reads in the mail? */
  isOneAuthor: boolean;
  /** What the service that brought the mail found out about its sender, beside the mail. */
  results: Result[];
  replyTo: Mailbox | null;
  /** Whom the last server took it for; it is not what the sender wrote. */
  envelope: Mailbox[];
  /** To and Cc. */
  recipients: Mailbox[];
  subject: string;
  date: string;
  text: string;
  html: string;
  files: MailFile[];
  /** Is there more of it, which was not read? */
  isCut?: boolean;
}

/** Return the first value of a header; the empty text where there is none. */
export function header(mail: Mail, key: string): string {
  return mail.headers.find((one) => one.key === key)?.value ?? "";
}

export function headers(mail: Mail, key: string): string[] {
  return mail.headers.filter((one) => one.key === key).map(({ value }) => value);
}

/** Return a readable line: words decoded, no line breaks, no signs that reorder or hide text. */
export function line(text: string, length: number): string {
  return decodeWords(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\s\ufffd]+/gu, " ").trim().slice(0, length)
    .toWellFormed();
}

/** Return a sender's time in ISO 8601; the present one where it is none. */
export function readTime(text = ""): string {
  const time = new Date(text);
  const year = time.getUTCFullYear();
  return (year >= 1990 && year < 2100 ? time : new Date()).toISOString();
}
