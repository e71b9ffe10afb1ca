/** What somebody of the team noted down: never the customer's to see. */
import { Lock, Trash2 } from "lucide-react";
import type { Note } from "romashka";

import { Text } from "../../parts/Text";
import { useSpoken } from "../../strings";
import { clock, full } from "../../time";
import css from "./NoteCard.module.css";

interface Props {
  note: Note;
  author: string;
  /** Null where it is somebody else's. */
  onRemove: (() => void) | null;
}

export function NoteCard({ note, author, onRemove }: Props) {
  const { strings, locale } = useSpoken();
  return (
    <article className={css["note"]} aria-label={strings.note.by(author)}>
      <p className={css["head"]}>
        <Lock size={12} aria-hidden="true" />
        <bdi>{strings.note.by(author)}</bdi>
        <time dateTime={note.created_at} title={full(note.created_at, locale)}>
          {clock(note.created_at, locale)}
        </time>
        {onRemove && (
          <button type="button" aria-label={strings.note.remove} onClick={onRemove}>
            <Trash2 size={13} />
          </button>
        )}
      </p>
      <p className={css["text"]} dir="auto">
        <Text text={note.content} />
      </p>
    </article>
  );
}
