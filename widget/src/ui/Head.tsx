/** Whom the customer talks to: an AI or a human, and whether somebody of the team is there. */
import type { ConversationRow, Message, WidgetSettings } from "romashka";

import { type Strings, useSpeech } from "../strings";
import { Icon } from "./Icon";

interface Props {
  title: string;
  status: string | null;
  settings: WidgetSettings | null;
  onBack: (() => void) | null;
  onEarlier: (() => void) | null;
  onClose: () => void;
}

export function Head({ title, status, settings, onBack, onEarlier, onClose }: Props) {
  const { strings } = useSpeech();
  const faces = settings?.team.slice(0, 3) ?? [];
  return (
    <header class="head">
      {onBack && (
        <button type="button" class="round back" aria-label={strings.back} onClick={onBack}>
          <Icon name="back" />
        </button>
      )}
      {settings?.logo_url && <img class="logo" src={settings.logo_url} alt="" />}
      <div>
        <h2 dir="auto">{title}</h2>
        {status && <p>{status}</p>}
      </div>
      {faces.length > 0 && (
        <div class="faces">
          {faces.map(({ first_name, avatar_url }) =>
            avatar_url ? (
              <img
                key={first_name}
                class="face"
                src={avatar_url}
                alt={first_name}
                title={first_name}
              />
            ) : (
              <span key={first_name} class="face" title={first_name}>
                {[...first_name][0]}
              </span>
            ),
          )}
        </div>
      )}
      {onEarlier && (
        <button
          type="button"
          class="round"
          aria-label={strings.earlier}
          title={strings.earlier}
          onClick={onEarlier}
        >
          <Icon name="earlier" />
        </button>
      )}
      <button
        type="button"
        class="round"
        aria-label={strings.close}
        title={strings.close}
        onClick={onClose}
      >
        <Icon name="close" />
      </button>
    </header>
  );
}

/** Say plainly who answers. */
export function statusOf(
  row: ConversationRow | null,
  messages: readonly Message[],
  strings: Strings,
): string {
  if (isOver(row)) return strings.over;
  if (!row?.requires_human) return strings.withAi;
  const last = messages.findLast(({ sender_type }) => sender_type !== "user");
  return last?.sender_type === "agent" ? strings.withHuman : strings.waiting;
}

export const isOver = (row: ConversationRow | null): boolean =>
  row?.status === "resolved" || row?.status === "closed";
