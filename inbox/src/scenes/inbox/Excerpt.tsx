/** The place in a text where a search found something. */
import type { ExcerptPart } from "romashka";

import css from "./Excerpt.module.css";

export function Excerpt({ parts }: { parts: readonly ExcerptPart[] }) {
  return parts.map(({ text, is_match }, at) =>
    is_match ? (
      <mark key={at} className={css["match"]}>
        {text}
      </mark>
    ) : (
      <span key={at}>{text}</span>
    ),
  );
}
