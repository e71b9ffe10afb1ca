/** Text with its links, in pieces: nothing of a message is ever markup. */

export type Piece = { text: string; href?: string };

/** Bounded, as each place of a text is tried: a long one must not hold the screen. */
const LINK =
  /\bhttps?:\/\/[^\s<>"'`{}|\\^]+|\bmailto:[^\s<>"']+|\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b/gi;
/** What ends a sentence, and not an address. */
const AFTER = ".,:;!?…،؛؟。、";
const OPENED: Record<string, string> = { ")": "(", "]": "[" };

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
  const counts = new Map<string, number>();
  for (const each of found) counts.set(each, (counts.get(each) ?? 0) + 1);
  let end = found.length;
  for (; end > 0; end -= 1) {
    const last = found[end - 1]!;
    const count = counts.get(last) ?? 0;
    const open = OPENED[last];
    if (open ? (counts.get(open) ?? 0) >= count : !AFTER.includes(last)) break;
    counts.set(last, count - 1);
  }
  return found.slice(0, end);
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
