/** What somebody wrote: text, with its links. */
import { split } from "../links";

export function Text({ text }: { text: string }) {
  return split(text).map(({ text: piece, href }, at) =>
    href ? (
      <a key={at} href={href} target="_blank" rel="noopener noreferrer nofollow ugc">
        {piece}
      </a>
    ) : (
      piece
    ),
  );
}
