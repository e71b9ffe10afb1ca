/** Text with its links, in pieces: nothing of a message is ever markup. */

export type Piece = { text: string; href?: string };

const LINK =
  /\bhttps?:\/\/[^\s<>"'`{}|\\^]+|\bmailto:[^\s<>"']+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b/gi;
/** What ends a sentence, and not an address. */
const AFTER = /[.,:;!?…،؛؟。、]+$/u;

/** Split a text where addresses begin and end; only http, https and mail become links. */
export function split(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const link = trimmed(found);
    const href = hrefOf(link);
    if (!href) continue;
    if (index > end) pieces.push({ text: text.slice(end, index) });
    pieces.push({ text: link, href });
    end = index + link.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** A bracket that was opened before the address does not belong to it. */
function trimmed(found: string): string {
  for (let link = found; ;) {
    const less = link.replace(AFTER, "").replace(/[)\]]$/, (close) => {
      const open = close === ")" ? "(" : "[";
      const before = link.replace(AFTER, "");
      return before.split(open).length >= before.split(close).length ? close : "";
    });
    if (less === link) return link;
    link = less;
  }
}

function hrefOf(link: string): string | null {
  const address = /^[a-z]+:/i.test(link) ? link : `mailto:${link}`;
  try {
    const { href, protocol } = new URL(address); // customers' browsers may be too old for URL.parse
    return /^(https?|mailto):$/.test(protocol) ? href : null;
  } catch {
    return null;
  }
}
