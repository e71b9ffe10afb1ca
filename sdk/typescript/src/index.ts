/** Romashka's SDK: conversations of a Supabase project, from browsers and Node. */
export type { AskOptions } from "./answers.js";
export { type Attachment, attachmentOf, Attachments } from "./attachments.js";
export { type Choice, choiceOf, choicesOf, type Chosen, type Offering } from "./choices.js";
export type { Backend } from "./backend.js";
export {
  type BusinessHours,
  BusinessHoursOfChannels,
  type Hours,
  type HoursOptions,
  type Span,
} from "./businessHours.js";
export { Client } from "./client.js";
export type { Connection, ConnectionState } from "./connection.js";
export { Conversation, type EventsOptions, type MessagesOptions } from "./conversation.js";
export { Conversations, type ListOptions } from "./conversations.js";
export { Core, type Limits } from "./core.js";
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
export type { Attempt, Explanation, Source } from "./explanation.js";
export { Inbox } from "./inbox.js";
export {
  Knowledge,
  type KnowledgeItem,
  type KnowledgeMatch,
  type KnowledgeOptions,
} from "./knowledge.js";
export type { Filters } from "./listing.js";
export { type Broadcast, Listener, type OnConnection, type Signal } from "./listener.js";
export { type DraftList, Drafts, type DraftsState } from "./messageDrafts.js";
export {
  type FigureFilters,
  type FigurePage,
  type FigurePlace,
  type FigureRow,
  type LevelOverTime,
  type LevelRange,
  type LevelOfBucket,
  type LevelOfTime,
  Metrics,
  type ServiceLevel,
} from "./metrics.js";
export * from "./models.js";
export { Identity, type IdentitySecret, type Signed } from "./identity.js";
export type { Notes, NotesState } from "./notes.js";
export type { Outgoing } from "./outbox.js";
export type { SendOptions } from "./outgoing.js";
export { type Person, Presence, type Self } from "./presence.js";
export { Romashka } from "./romashka.js";
export {
  type RenderedReply,
  renderSavedReply,
  REPLY_VARIABLES,
  type ReplyValues,
  SavedReplies,
  type SavedReply,
} from "./savedReplies.js";
export type { ExcerptPart, SearchHit, SearchOptions, SearchPage, SearchPlace } from "./search.js";
export { signIn, signInAnonymously } from "./signIn.js";
export type { Store, StoreState } from "./store.js";
export { type Invitation, type StaffMember, type StaffRole, Team } from "./team.js";
export type { Colleague, Colleagues, ColleaguesState, Writing } from "./colleagues.js";
export type { Thread, ThreadState } from "./thread.js";
export { Threads } from "./threads.js";
export { Topics } from "./topics.js";
export { whoAnswers, type WhoAnswers } from "./whoAnswers.js";
export type { View, ViewFilters, ViewState } from "./view.js";
export { Views } from "./views.js";
export { Widget, type WidgetChanges, type WidgetSettings, type WidgetTexts } from "./widget.js";
