/** What somebody wrote: text, with its links; nothing of it is ever markup. */
import { split } from "../../../inbox/src/links";

export function Text({ text }: { text: string }) {
  return (
    <>
      {split(text).map(({ text: piece, href }) =>
        href ? (
          <a href={href} target="_blank" rel="noopener noreferrer nofollow ugc">
            {piece}
          </a>
        ) : (
          piece
        ),
      )}
    </>
  );
}
