/** The reply that is being written, as a screen shows it: the rules of docs/streaming.md. */
import type { ConversationEvent } from "./models.js";

export interface Draft {
  turnId: string;
  draftId: string;
  /** What has come of it so far: plain text. */
  text: string;
}

export interface DraftState {
  draft: Draft | null;
  /** The number of the piece that continues the draft. */
  next: number;
  /** The turn that has its outcome: pieces can arrive after rows. */
  closedTurnId: string | null;
}

/** Where to begin, and where to go back to after the connection was interrupted. */
export const NO_DRAFT: DraftState = { draft: null, next: 1, closedTurnId: null };

/**
 * Return what there is to show after an event of `conversation.live()`.
 *
 * @example
 * ```ts
 * let state = NO_DRAFT;
 * for await (const event of conversation.live()) show((state = draftAfter(state, event)).draft?.text);
 * ```
 */
export function draftAfter(state: DraftState, event: ConversationEvent): DraftState {
  switch (event.type) {
    case "reply.started":
      return started(state, event, "");
    case "reply.delta":
      if (event.draft_id !== state.draft?.draftId) {
        return event.sequence === 1 ? started(state, event, event.text) : state;
      }
      return event.sequence === state.next ? continued(state, state.draft, event.text) : state;
    case "reply.settled":
      return ended(state, event.turn_id, event.outcome !== "superseded");
    case "message.created":
      return event.message.turn_id ? ended(state, event.message.turn_id, true) : state;
    default:
      return state;
  }
}

function started(
  state: DraftState,
  { turn_id, draft_id }: { turn_id: string; draft_id: string },
  text: string,
): DraftState {
  if (turn_id === state.closedTurnId || draft_id === state.draft?.draftId) return state;
  const draft = { turnId: turn_id, draftId: draft_id, text };
  return { ...state, draft, next: text ? 2 : 1 };
}

function continued(state: DraftState, draft: Draft, text: string): DraftState {
  return { ...state, draft: { ...draft, text: draft.text + text }, next: state.next + 1 };
}

function ended(state: DraftState, turnId: string, isClosed: boolean): DraftState {
  const draft = state.draft?.turnId === turnId ? null : state.draft;
  return { ...state, draft, closedTurnId: isClosed ? turnId : state.closedTurnId };
}
