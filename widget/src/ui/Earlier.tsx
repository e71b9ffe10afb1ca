/** The customer's conversations, the latest first. */
import type { ConversationRow } from "romashka";

import { useSpeech } from "../strings";
import { dayOf } from "./words";

interface Props {
  rows: readonly ConversationRow[];
  onOpen: (id: string | null) => void;
}

export function Earlier({ rows, onOpen }: Props) {
  const spoken = useSpeech();
  const { strings } = spoken;
  const isAnyOpen = rows.some(({ status }) => status !== "resolved" && status !== "closed");
  return (
    <div class="list">
      {!isAnyOpen && (
        <button type="button" onClick={() => onOpen(null)}>
          <strong>{strings.anew}</strong>
        </button>
      )}
      {rows.length === 0 && <p>{strings.noEarlier}</p>}
      <ul>
        {rows.map(({ id, last_message, last_message_at, created_at }) => (
          <li key={id}>
            <button type="button" onClick={() => onOpen(id)}>
              <p dir="auto">{last_message || "…"}</p>
              <small>{dayOf(last_message_at ?? created_at, spoken)}</small>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
