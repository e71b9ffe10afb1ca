/** A list of conversations that stays as the database has it: `client.inbox.view(filters)`. */
import type { Core } from "./core.js";
import type { Feed, Follower } from "./feed.js";
import { type Followed, Following, type Source } from "./following.js";
import { type Filters, matches, type Place, readList } from "./listing.js";
import type { ConversationRow } from "./models.js";
import { isNotAfter, Ranking } from "./ranking.js";
import { isLater } from "./time.js";

/** What a list shows to begin with, unless it says otherwise. */
export const PAGE = 50;
/** So many more are read than are shown: what leaves the list gives way to the next without a request. */
const SPARE = 25;

/** Which conversations, and how many to begin with. */
export interface ViewFilters extends Filters {
  /** 50, unless it says otherwise. */
  limit?: number;
}

export interface ViewState extends Followed {
  /** The latest first, and no more than the limit. A row that did not change is the same object. */
  readonly rows: readonly ConversationRow[];
  /** Are there more than are shown? `loadMore` shows them. */
  readonly hasMore: boolean;
}

/**
 * It knows all rows down to a place, and nothing below: so what changes above is put where it belongs, and what
 * changes below is none of its business until it rises.
 */
export class View extends Following<ViewState> implements Follower {
  protected readonly source: Source;
  #known = new Ranking();
  /** Down to here every row is known; null: down to the end. */
  #bottom: Place | null = null;
  #limit: number;

  constructor(
    private readonly core: Core,
    private readonly feed: Feed,
    private readonly filters: Filters,
    private readonly page: number,
  ) {
    super({ rows: [], hasMore: false, state: "loading", error: null });
    this.#limit = page;
    this.source = feed.sourceFor(this);
  }

  /** Show a page more. */
  loadMore(): void {
    this.#limit += this.page;
    this.#showRows();
  }

  onChanged(rows: ConversationRow[]): void {
    if (!this.isLoaded) return;
    this.#apply(rows);
    this.#showRows();
  }

  protected clear(): void {
    this.#known = new Ranking();
    this.#limit = this.page;
    this.show({ rows: [], hasMore: false });
  }

  /** Read it from the top, as far as it is shown. */
  protected async read(signal: AbortSignal): Promise<() => void> {
    const { sequence } = this.feed;
    const limit = this.#limit + SPARE;
    const rows = await readList(this.core, this.filters, { limit, signal });
    return () => {
      const before = this.#known;
      this.#known = new Ranking();
      this.#takeIn(rows, before, limit, sequence);
    };
  }

  async #readBelow(bottom: Place, signal: AbortSignal): Promise<() => void> {
    const { sequence } = this.feed;
    const limit = this.#limit + SPARE - this.#known.size;
    const rows = await readList(this.core, this.filters, { after: bottom, limit, signal });
    return () => this.#takeIn(rows, this.#known, limit, sequence);
  }

  #takeIn(rows: ConversationRow[], before: Ranking, limit: number, sequence: number): void {
    this.#bottom = rows.length < limit ? null : rows.at(-1)!;
    for (const row of rows) this.#known.put(asKnown(row, before.get(row.id)));
    const changed = this.feed.changesSince(sequence);
    this.feed.note(rows);
    this.#apply(changed); // while it was read: they may be later than what was read
    this.#showRows();
  }

  #apply(rows: ConversationRow[]): void {
    rows.forEach((row) => this.#put(row));
    const known = rows.map(({ id }) => this.#known.get(id));
    const incomplete = known.filter((row) => row && row.customer_profiles === undefined);
    if (incomplete.length > 0) this.feed.complete(incomplete.map((row) => row!.id));
  }

  #put(row: ConversationRow): void {
    const known = this.#known.get(row.id);
    // What was read of a change is no older than its event, of which only what the read one lacks is news.
    if (known?.customer_profiles !== undefined && !isLater(row.updated_at, known.updated_at))
      return;
    const whole = row.customer_profiles === undefined ? { ...known, ...row } : row;
    this.#known.remove(row.id);
    if (!matches(whole, this.filters)) return;
    if (this.#bottom === null || isNotAfter(whole, this.#bottom)) this.#known.put(whole);
  }

  #showRows(): void {
    this.#cut();
    const { rows: before } = this.getSnapshot();
    const rows = this.#known.first(this.#limit);
    const isSame = rows.length === before.length && rows.every((row, at) => row === before[at]);
    const bottom = this.#bottom;
    const hasMore = bottom !== null || this.#known.size > rows.length;
    this.show({ rows: isSame ? before : rows, hasMore });
    if (bottom && rows.length < this.#limit)
      this.readMore((signal) => this.#readBelow(bottom, signal));
  }

  /** Know no more than is needed: what rose pushed others down. */
  #cut(): void {
    const most = 2 * (this.#limit + SPARE);
    if (this.#known.size <= most) return;
    this.#known.cut(this.#limit + SPARE);
    this.#bottom = this.#known.last!;
  }
}

/** A row that is read again is the same object, if nothing of it changed. */
function asKnown(row: ConversationRow, known: ConversationRow | undefined): ConversationRow {
  if (!known || isLater(row.updated_at, known.updated_at)) return row;
  const { customer_profiles = null, turn = null } = row; // what changes though the row does not
  const now = { ...known, customer_profiles, turn };
  return JSON.stringify(known) === JSON.stringify(now) ? known : now;
}
