// Who a mail's From names, where all programs read the same one there.

import { normalAddress } from "./addresses.ts";
import { withoutComments } from "./comments.ts";

const QUOTED_LOCAL_PART = /"([\w!#$%&'*+/=?^`{|}~.-]+)"(?=@[\w.-]+>?\s*$)/;

/**
 * Return the one address of a From; null where another program may read another one there: of several, of one
 * between stray delimiters, of one that comments or quotes stand in the middle of.
 */
export function onlyAuthor(from: readonly string[]): string | null {
  if (from.length !== 1) return null;
  const said = withoutComments(from[0].replace(QUOTED_LOCAL_PART, "$1"));
  if (said === null) return null;
  const [, phrase, angled] = said.match(/^([^<>]*)<([^<>]*)>\s*$/) ?? [, "", said];
  const address = normalAddress(angled!);
  if (!address || count(said, "@") !== 1 + count(phrase!, "@")) return null;
  // A program that has no name writes the address twice.
  const isName = !/[@;:\\[\]]/.test(phrase!) || normalAddress(phrase!) === address;
  return isName ? address : null;
}

function count(text: string, sign: string): number {
  return text.split(sign).length - 1;
}
