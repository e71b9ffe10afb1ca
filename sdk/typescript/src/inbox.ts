/** `client.inbox`: all conversations as they change, for staff. */
import { conversationsOf, deletedIn, isWithoutRows } from "./changes.js";
import { Colleagues } from "./colleagues.js";
import type { Core } from "./core.js";
import type { Listener, OnConnection, Page } from "./listener.js";
import { readList } from "./listing.js";
import type { ConversationChanged, ConversationRow, InboxEvent } from "./models.js";
import { Notes } from "./notes.js";
import { Reader } from "./reader.js";
import { Recent } from "./recent.js";
import { search, type SearchOptions, type SearchPage } from "./search.js";
import { subscription } from "./subscription.js";
import { isLater } from "./time.js";
import { Views } from "./views.js";

const PAGE = 100;
/** A transaction writes its time before it commits: so far back another may still appear. */
const OVERLAP_MS = 60_000;
/** Of so many conversations it is known which state was given; of others one may come twice. */
const MAX_KNOWN = 10_000;
const NO_ID = "00000000-0000-0000-0000-000000000000";
/** What is told once, and not read again. */
const PASSING = new Set(["delivery.failed", "note.created", "note.removed", "notes.changed"]);
/** The notes of so many conversations are kept, though nobody looks at them. */
const MAX_NOTES = 20;

export interface InboxOptions {
  /** The latest `updated_at` that is known already: instead of the newest, only what changed since. */
  since?: string;
  /** Is called with true when the subscription is live, with false when it is not. */
  onConnection?: OnConnection;
}

/** The change up to which pages have been read. */
type Cursor = Pick<ConversationRow, "updated_at" | "id">;

export class Inbox extends Views {
  /** Who else of the team is here, where they look and what they write: a store. */
  readonly colleagues: Colleagues;
  readonly #notes = new Recent<Notes>(MAX_NOTES);

  constructor(core: Core) {
    super(core);
    this.colleagues = new Colleagues(core);
    core.onAgain((isOther) => {
      if (isOther) this.colleagues.forget();
      else this.colleagues.retry();
      this.#notes.forEach((notes) => (isOther ? notes.forget() : notes.retry()));
    });
  }

  /**
   * Return what staff noted about a conversation; the same store for the same conversation.
   *
   * It stays up to date while somebody is subscribed to it.
   *
   * @example
   * ```ts
   * const notes = client.inbox.notes(conversation.id);
   * const leave = notes.subscribe(() => render(notes.getSnapshot().notes));
   * await conversation.addNote("Knows us well."); // it is heard, as everybody's
   * ```
   */
  notes(conversationId: string): Notes {
    return this.#notes.get(conversationId, () => new Notes(this.core, this.feed, conversationId));
  }

  /**
   * Hear of each conversation that changes, once a frame, and of those that are deleted; return what ends it.
   *
   * What changes while nothing is heard is not told: whoever shows one conversation reads it again when
   * `client.connection` is live once more.
   *
   * @example
   * ```ts
   * const leave = client.inbox.observe((row) => note(row.id, row.status));
   * ```
   */
  observe(onChanged: (row: ConversationRow) => void, onDeleted?: (id: string) => void): () => void {
    const source = this.feed.sourceFor({
      onChanged: (rows) => rows.forEach((row) => onChanged(row)),
      onBroadcast: (signal) => deletedIn(signal).forEach((id) => onDeleted?.(id)),
      onMissed: () => source.caughtUp(), // it reads nothing
      onState: () => source.caughtUp(),
    });
    source.open();
    source.caughtUp();
    return () => source.close();
  }

  /** Return the latest state of a conversation, as far as it was heard or read; without a request. */
  latest(id: string): ConversationRow | undefined {
    return this.feed.latest(id);
  }

  /**
   * Find conversations by customers' names, addresses and numbers, and by what was said: words, parts of words, and
   * "phrases in quotes", without regard to case and accents.
   *
   * Each comes once, with what matches.
   *
   * @throws {@link PermissionDenied} the caller is no staff
   * @throws {@link InvalidRequest} more than 200 characters, or more than 100 hits
   * @example
   * ```ts
   * const { hits, next } = await client.inbox.search("blue parcel");
   * const more = next && (await client.inbox.search("blue parcel", { after: next }));
   * ```
   */
  search(query: string, options: SearchOptions = {}): Promise<SearchPage> {
    return search(this.core, query, options);
  }

  /**
   * Give the newest conversations, the oldest of them first, then each one that changes, without end.
   *
   * It converges to the latest state of each: a state may be skipped, a newer one is never followed by
   * an older one.
   *
   * @throws {@link PermissionDenied} the caller is no staff
   * @example
   * ```ts
   * for await (const { conversation } of client.inbox.events()) rows.set(conversation.id, conversation);
   * ```
   */
  events(options: InboxOptions = {}): AsyncIterableIterator<ConversationChanged> {
    return this.#subscribe(options, async function* (events) {
      for await (const event of events) if (event.type === "conversation.changed") yield event;
    });
  }

  /** Give what {@link Inbox.events} gives, and what passes by between: deliveries that failed, and notes. */
  live(options: InboxOptions = {}): AsyncIterableIterator<InboxEvent> {
    return this.#subscribe(options, (events) => events);
  }

  #subscribe<Event>(
    { since, onConnection }: InboxOptions,
    read: (events: AsyncGenerator<InboxEvent, void>) => AsyncGenerator<Event, void>,
  ): AsyncIterableIterator<Event> {
    return subscription(
      () => this.core.topics.listen("inbox", onConnection),
      (listener) => read(this.#follow(listener, new Known(since))),
    );
  }

  async *#follow(listener: Listener, known: Known): AsyncGenerator<InboxEvent, void> {
    let cursor: Cursor | null = null;
    const reader = new Reader<ConversationRow>(listener, async (signal) => {
      const page = await this.#read(known, cursor, signal);
      cursor = page.isLast ? null : page.rows.at(-1)!;
      return page;
    });
    function* unseen(rows: ConversationRow[]): Generator<InboxEvent> {
      for (const conversation of rows) {
        if (known.isNews(conversation)) yield { type: "conversation.changed", conversation };
      }
    }
    try {
      for await (const signal of listener) {
        if (signal.type === "resync") {
          cursor = null;
          reader.restart();
        } else if (signal.type === "check") reader.ask();
        else if (signal.type === "page") {
          const page = signal as Page<ConversationRow>;
          yield* unseen(page.rows);
          reader.taken(page);
        } else if (PASSING.has(signal.event)) {
          yield { ...signal.payload, type: signal.event } as InboxEvent;
        } else {
          yield* unseen(conversationsOf(signal));
          if (isWithoutRows(signal)) reader.ask(); // too many for an event
        }
      }
    } finally {
      reader.close();
    }
  }

  /** Read a page: of the newest at first; then of what changed since the latest of them. */
  async #read(
    { newest }: Known,
    cursor: Cursor | null,
    signal: AbortSignal,
  ): Promise<Page<ConversationRow>> {
    if (!newest) {
      const rows = await readList(this.core, {}, { limit: PAGE, signal });
      return { type: "page", rows: rows.reverse(), isLast: true };
    }
    const begin = { updated_at: new Date(newest - OVERLAP_MS).toISOString(), id: NO_ID };
    const { updated_at: at, id } = cursor ?? begin;
    // Twice: the database begins to read where the first says, and the second is exact.
    const next = this.core.backend
      .from("conversations")
      .select("*, turn")
      .gte("updated_at", at)
      .or(`updated_at.gt."${at}",and(updated_at.eq."${at}",id.gt.${id})`);
    const query = next.order("updated_at").order("id").limit(PAGE);
    const rows = (await this.core.send(query, { signal })) as ConversationRow[];
    return { type: "page", rows, isLast: rows.length === 0 };
  }
}

/** Which state of each conversation was given last. */
class Known {
  /** The latest change of all, in milliseconds since 1970. */
  newest: number;
  readonly #updatedAt = new Map<string, string>();

  constructor(since?: string) {
    this.newest = since ? Date.parse(since) : 0;
  }

  isNews({ id, updated_at }: ConversationRow): boolean {
    const given = this.#updatedAt.get(id);
    if (given !== undefined && !isLater(updated_at, given)) return false;
    this.#updatedAt.delete(id); // the map keeps the order in which they changed
    this.#updatedAt.set(id, updated_at);
    if (this.#updatedAt.size > MAX_KNOWN) this.#updatedAt.delete(first(this.#updatedAt.keys())!);
    this.newest = Math.max(this.newest, Date.parse(updated_at));
    return true;
  }
}

function first<Value>(values: Iterable<Value>): Value | undefined {
  for (const value of values) return value;
  return undefined;
}
