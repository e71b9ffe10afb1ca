/** Romashka's SDK: conversations of a Supabase project, from browsers and Node. */
export type { AskOptions } from "./answers.js";
export { type Attachment, attachmentOf, Attachments } from "./attachments.js";
export { type Choice, choiceOf, choicesOf, type Chosen, type Offering } from "./choices.js";
export { Romashka } from "./client.js";
export { Conversation, type EventsOptions } from "./conversation.js";
export { Conversations, type ListOptions } from "./conversations.js";
export type { Database, Json } from "./database.js";
export {
  Conflict,
  InvalidRequest,
  HumanHasIt,
  NoAnswer,
  NoAnswerNeeded,
  NotFound,
  NotSignedIn,
  PermissionDenied,
  Busy,
  RateLimited,
  RomashkaError,
  ServerError,
  TooLarge,
  Unreachable,
} from "./errors.js";
export { type Draft, type DraftState, draftAfter, NO_DRAFT } from "./draft.js";
export { Inbox } from "./inbox.js";
export {
  Knowledge,
  type KnowledgeItem,
  type KnowledgeMatch,
  type KnowledgeOptions,
} from "./knowledge.js";
export { type Broadcast, Listener, type OnConnection, type Signal } from "./listener.js";
export { Metrics, type ServiceLevel } from "./metrics.js";
export * from "./models.js";
export type { SendOptions } from "./outgoing.js";
export { type Person, Presence, type Self } from "./presence.js";
export { Topics } from "./topics.js";
