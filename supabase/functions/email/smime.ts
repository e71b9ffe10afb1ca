// S/MIME's opaque signatures: the mail itself is inside of the signature (RFC 8551, 3.5.2).

import { fromBER } from "asn1js";
import type { MailFile } from "./mail.ts";

const SIGNED_DATA = "1.2.840.113549.1.7.2";
const MAX_BYTES = 10 * 1024 * 1024;

// The parts of the parser's blocks that are read here.
interface Block {
  valueBlock?: { value?: unknown; valueHexView?: Uint8Array; toString?(): string };
}

export function isSmime({ type }: MailFile): boolean {
  return /^application\/(?:x-)?pkcs7-mime$/.test(type);
}

/** Return the mail in a signature; null where it is none: encrypted, or with nothing in it. */
export function signedContent({ content }: MailFile): Uint8Array | null {
  if (content.length > MAX_BYTES) return null;
  try {
    const { offset, result } = fromBER(content);
    if (offset < 0) return null;
    const [type, data] = parts(result as Block);
    if (type?.valueBlock?.toString?.() !== SIGNED_DATA) return null;
    const signed = parts(parts(data)[0]);
    const [, wrapped] = parts(signed[2]); // after the version and the digests
    return wrapped ? octets(parts(wrapped)[0]) : null;
  } catch {
    return null;
  }
}

function parts(block: Block | undefined): Block[] {
  const value = block?.valueBlock?.value;
  return Array.isArray(value) ? value : [];
}

/** A text may come in pieces. */
function octets(block: Block | undefined): Uint8Array | null {
  const pieces = parts(block).map(octets);
  if (!pieces.length) return block?.valueBlock?.valueHexView ?? null;
  return new Uint8Array(pieces.flatMap((piece) => [...piece ?? []]));
}
