// Which charset a text really has: many mails name none, or a wrong one.
//
// What is valid UTF-8 is nothing else, and ISO-2022-JP is known by its escapes. What names nothing is windows-1252, which
// has a letter for every byte; but where few bytes are Latin letters, chardet knows by their frequency what it is.

import { Buffer } from "node:buffer";
import { analyse } from "chardet";

const ONE_BYTE =
  /^(?:|us-ascii|ascii|ansi.*|iso-?8859-?\d+.*|latin-?\d|(?:windows|cp)-?125\d|koi8-[ru]|unknown-8bit|x-unknown|default)$/;
const JAPANESE = ["$@", "$A", "$B", "(J", "(I"].map((letters) => "\x1b" + letters);
// What browsers know under other names.
const OF_WINDOWS: Record<string, string> = {
  cp932: "shift_jis",
  cp936: "gbk",
  cp949: "euc-kr",
  cp950: "big5",
};
const MANY_UNREADABLE = 0.1;
const NOT_LATIN =
  /^(?:euc-(?:kr|jp)|gb18030|big5|shift_jis|windows-125[1356]|koi8-r|iso-8859-[5678])$/;
const WORDS =
  /=\?([\w.:-]+)(?:\*[\w-]*)?\?([bq])\?([^?\r\n]*)\?=(?:\s*=\?\1(?:\*[\w-]*)?\?\2\?[^?\r\n]*\?=)*/gi;
const MAX_HEADER = 1_000_000;

/** Return the charset of bytes that are called `declared` (or nothing), or whose mail is of `fallback`. */
export function charsetOf(bytes: Uint8Array, declared = "", fallback = ""): string {
  const named = declared.trim().toLowerCase();
  const label = OF_WINDOWS[named] ?? named;
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (!bytes.some((byte) => byte >= 0x80)) {
    const isNamed = label !== "" && !/^(?:us-ascii|ascii|utf-?8|iso-?8859-?1)$/.test(label);
    return !isNamed && JAPANESE.some((escape) => binary(bytes).includes(escape))
      ? "iso-2022-jp"
      : label;
  }
  const isUtf8 = reads(bytes, "utf-8");
  if (isUtf8 && (ONE_BYTE.test(label) || !isKnown(label) || !reads(bytes, label))) return "utf-8";
  if (label === "" && fallback && reads(bytes, fallback)) return fallback;
  if (label === "" || !isKnown(label) || /^(?:us-)?ascii$/.test(label)) {
    return guessed(bytes) ?? "windows-1252";
  }
  return /^utf-?8$/.test(label) && hasManyUnreadable(bytes) ? "windows-1252" : label;
}

/** Return what bytes say that are called `declared`. */
export function textOf(bytes: Uint8Array, declared = "utf-8"): string {
  const charset = charsetOf(bytes, declared);
  return new TextDecoder(isKnown(charset) ? charset : "utf-8").decode(bytes);
}

/** Return the charset of a text in letters that are not Latin; null where its letters are. */
function guessed(bytes: Uint8Array): string | null {
  const some = bytes.subarray(0, 20_000);
  const others = some.filter((byte) => byte >= 0x80).length;
  const latin =
    some.filter((byte) => byte < 0x80 && /[a-z]/i.test(String.fromCharCode(byte))).length;
  if (others <= latin) return null;
  const names = analyse(some).map(({ name }) => name.toLowerCase());
  return names.find((name) => NOT_LATIN.test(name) && reads(some, name)) ?? null;
}

/** Return the charset that the HTML itself names. */
export function charsetOfHtml(bytes: Uint8Array): string {
  return binary(bytes.subarray(0, 2_000)).match(/<meta[^>]*charset\s*=\s*["']?([\w.:-]+)/i)?.[1] ??
    "";
}

/**
 * Return the mail with its header in UTF-8, and with the charsets of encoded words that they have: raw bytes
 * are of the body's charset, else windows-1252.
 */
export function withReadableHeader(mail: Uint8Array): Uint8Array {
  const end = Math.min(endOfHeader(mail), MAX_HEADER);
  const header = mail.subarray(0, end);
  const isOdd = header.some((byte) => byte >= 0x80 || byte === 0x1b);
  const said = binary(header);
  if (!isOdd && !said.includes("=?")) return mail;
  const named = binary(mail.subarray(0, 100_000)).match(/charset\s*=\s*"?([\w.:-]+)/i)?.[1];
  const fallback = charsetOf(mail.subarray(end, end + 100_000), named);
  const lines = said.split(/(?<=\n)(?![ \t])/).map((field) => readable(field, fallback));
  return Buffer.concat([...lines, mail.subarray(end)]);
}

function readable(field: string, fallback: string): Uint8Array {
  const bytes = Buffer.from(withTrueWords(field), "latin1");
  const charset = charsetOf(bytes, "", fallback);
  if (charset === "" || charset === "utf-8") return bytes;
  return Buffer.from(new TextDecoder(charset).decode(bytes));
}

/** Of neighbours: a letter may begin in one word and end in the next. */
function withTrueWords(field: string): string {
  return field.replace(WORDS, (words, declared: string, encoding: string) => {
    const bytes = Buffer.concat(
      [...words.matchAll(/\?[bq]\?([^?]*)\?=/gi)].map(([, text]) => decoded(text, encoding)),
    );
    const charset = charsetOf(bytes, declared);
    return charset === declared.toLowerCase() || charset === ""
      ? words
      : words.replaceAll(`=?${declared}`, `=?${charset}`);
  });
}

function decoded(text: string, encoding: string): Uint8Array {
  if (encoding.toLowerCase() === "b") return Buffer.from(text, "base64");
  const plain = text.replace(
    /=([0-9a-f]{2})/gi,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(plain, "latin1");
}

function endOfHeader(mail: Uint8Array): number {
  const text = Buffer.from(mail.buffer, mail.byteOffset, mail.byteLength);
  const ends = ["\r\n\r\n", "\n\n"].map((gap) => text.indexOf(gap)).filter((place) => place >= 0);
  return ends.length ? Math.min(...ends) : mail.length;
}

function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function isKnown(label: string): boolean {
  try {
    return label !== "" && new TextDecoder(label) !== null;
  } catch {
    return false;
  }
}

function reads(bytes: Uint8Array, label: string): boolean {
  try {
    new TextDecoder(label, { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** A text that is cut off in a letter is UTF-8 all the same. */
function hasManyUnreadable(bytes: Uint8Array): boolean {
  const foreign = new TextDecoder().decode(bytes).match(/\P{ASCII}/gu) ?? [];
  return foreign.filter((letter) => letter === "\ufffd").length > foreign.length * MANY_UNREADABLE;
}
