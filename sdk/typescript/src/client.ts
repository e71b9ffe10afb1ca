/** The client of a backend: one project, one identity; what does not need more than that hangs on it. */
import type { Backend } from "./backend.js";
import { BusinessHoursOfChannels } from "./businessHours.js";
import { Conversations } from "./conversations.js";
import { Core } from "./core.js";
import { Identity } from "./identity.js";
import { Inbox } from "./inbox.js";
import { Knowledge } from "./knowledge.js";
import { Drafts } from "./messageDrafts.js";
import { Metrics } from "./metrics.js";
import { SavedReplies } from "./savedReplies.js";
import { Team } from "./team.js";
import { Widget } from "./widget.js";

/**
 * A Romashka project, as tables, functions and a socket: for widgets, which have no room for all of supabase-js.
 *
 * @example
 * ```ts
 * const client = new Client(connectParts(url, anonKey, { accessToken }));
 * const conversation = await client.conversations.create("visitor-17");
 * ```
 */
export class Client extends Core {
  readonly inbox: Inbox;
  readonly conversations: Conversations;
  readonly knowledge: Knowledge;
  readonly metrics: Metrics;
  readonly drafts: Drafts;
  readonly savedReplies: SavedReplies;
  readonly team: Team;
  readonly widget: Widget;
  readonly identity: Identity;
  readonly businessHours: BusinessHoursOfChannels;

  constructor(backend: Backend) {
    super(backend);
    this.inbox = new Inbox(this);
    this.conversations = new Conversations(this, (id) => this.inbox.feed.latest(id));
    this.knowledge = new Knowledge(this);
    this.metrics = new Metrics(this);
    this.drafts = new Drafts(this);
    this.savedReplies = new SavedReplies(this);
    this.team = new Team(this);
    this.widget = new Widget(this);
    this.identity = new Identity(this);
    this.businessHours = new BusinessHoursOfChannels(this);
  }
}
