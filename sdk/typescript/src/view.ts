/** A list of conversations that stays as the database has it: `client.inbox.view(filters)`. */
import type { Core } from "./core.js";
import { Effort } from "./effort.js";
import type { Feed, Follower } from "./feed.js";
import { type Filters, matches, type Place, readList } from "./listing.js";
import type { ConversationRow } from "./models.js";
import { isNotAfter, Ranking } from "./ranking.js";
import { Observed, type StoreState } from "./store.js";
import { isLater } from "./time.js";

const PAGE = 50;
/** So many more are read than are shown: what leaves the list gives way to the next without a request. */
const SPARE = 25;

/** Which conversations, and how many to begin with. */
export interface ViewFilters extends Filters {
  /** 50, unless it says otherwise. */
  limit?: number;
}

export interface ViewState {
  /** The latest first, and no more than the limit. A row that did not change is the same object. */
  readonly rows: readonly ConversationRow[];
  /** Are there more than are shown? `loadMore` shows them. */
  readonly hasMore: boolean;
  readonly state: StoreState;
  /** What stops it; null while nothing does. */
  readonly error: Error | null;
}

/**
 * It knows all rows down to a place, and nothing below: so what changes above is put where it belongs, and what
 * changes below is none of its business until it rises.
 */
export class View extends Observed<ViewState> implements Follower {
  #known = new Ranking();
  /** Down to here every row is known; null: down to the end. */
  #bottom: Place | null = null;
  #isLoaded = false;
  /** Something may have been missed since what is being read was begun. */
  #isAsked = false;
  /** It was read since somebody looks. */
  #isFresh = false;
  #isRefused = false;
  #failure: Error | null = null;
  #limit: number;
  #unfollow = () => {};
  readonly #reading = new Effort();
  #waiting: (() => void)[] = [];

  constructor(
    private readonly core: Core,
    private readonly feed: Feed,
    private readonly filters: Filters,
    private readonly page = PAGE,
  ) {
    super({ rows: [], hasMore: false, state: "loading", error: null });
    this.#limit = page;
  }

  /** Show a page more. */
  loadMore(): void {
    this.#limit += this.page;
    this.#showRows();
  }

  /** Read it anew, now. */
  retry(): void {
    this.feed.retry();
    if (this.isWatched) this.#load();
  }

  /** Read it anew, and wait until that is done, or has failed: then it is tried again, as always. */
  refresh(): Promise<void> {
    this.feed.retry();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#load();
    });
  }

  /** Forget all: somebody else is signed in. */
  forget(): void {
    this.#known = new Ranking();
    this.#isLoaded = false;
    this.#limit = this.page;
    this.show({ rows: [], hasMore: false });
    if (this.isWatched) this.#load();
  }

  protected begin(): void {
    this.#isFresh = false;
    this.#unfollow = this.feed.follow(this);
    this.#load();
  }

  protected end(): void {
    this.#unfollow();
    this.#reading.giveUp();
  }

  onChanged(rows: ConversationRow[]): void {
    if (!this.#isLoaded) return;
    this.#applyAll(rows);
    this.#showRows();
  }

  onMissed(isInterrupted: boolean): void {
    if (this.#reading.isUnderWay && !isInterrupted) this.#isAsked = true;
    else this.#load();
  }

  onState(): void {
    this.#showState();
  }

  /** Read it from the top, as far as it is shown. */
  #load(): void {
    this.#isAsked = false;
    const { sequence } = this.feed;
    const limit = this.#limit + SPARE;
    this.#reading.begin(
      (signal) => readList(this.core, this.filters, { limit, signal }),
      (rows) => {
        const before = this.#known;
        this.#known = new Ranking();
        rows.forEach((row) => this.#known.put(this.#asKnown(row, before.get(row.id))));
        this.#bottom = rows.length < limit ? null : rows.at(-1)!;
        this.#isLoaded = this.#isFresh = true;
        this.#succeeded(rows, sequence);
        if (this.#isAsked) return this.#load();
        this.feed.caughtUp(this);
        this.#showState();
        this.#settle();
      },
      this.#failed,
    );
    this.#showState();
  }

  /** Read what is below. */
  #loadBelow(bottom: Place): void {
    const { sequence } = this.feed;
    const limit = this.#limit + SPARE - this.#known.size;
    this.#reading.begin(
      (signal) => readList(this.core, this.filters, { after: bottom, limit, signal }),
      (rows) => {
        rows.forEach((row) => this.#known.put(this.#asKnown(row, this.#known.get(row.id))));
        this.#bottom = rows.length < limit ? null : rows.at(-1)!;
        this.#succeeded(rows, sequence);
        if (this.#isAsked) this.#load();
      },
      this.#failed,
    );
  }

  /** What changed while it was read may be later than what was read. */
  #succeeded(rows: ConversationRow[], sequence: number): void {
    if (this.#isRefused) this.feed.retry();
    this.#isRefused = false;
    this.#failure = null;
    const changed = this.feed.changesSince(sequence);
    this.feed.note(rows);
    this.#applyAll(changed);
    this.#showRows();
    this.#showState();
  }

  readonly #failed = (error: Error, isRefused: boolean): void => {
    this.#failure = error;
    this.#isRefused = isRefused;
    this.#showState();
    this.#settle();
  };

  /** A row that is read again is the same object, if nothing of it changed. */
  #asKnown(row: ConversationRow, known: ConversationRow | undefined): ConversationRow {
    if (!known || isLater(row.updated_at, known.updated_at)) return row;
    const isSame =
      JSON.stringify(known.customer_profiles) === JSON.stringify(row.customer_profiles);
    return isSame ? known : { ...known, customer_profiles: row.customer_profiles ?? null };
  }

  #applyAll(rows: ConversationRow[]): void {
    rows.forEach((row) => this.#apply(row));
    const known = rows.map(({ id }) => this.#known.get(id));
    const incomplete = known.filter((row) => row && row.customer_profiles === undefined);
    if (incomplete.length > 0) this.feed.complete(incomplete.map((row) => row!.id));
  }

  #apply(row: ConversationRow): void {
    const known = this.#known.get(row.id);
    if (known && isLater(known.updated_at, row.updated_at)) return;
    const customer = known?.customer_profiles;
    const isIncomplete = row.customer_profiles === undefined && customer !== undefined;
    const whole = isIncomplete ? { ...row, customer_profiles: customer } : row;
    this.#known.remove(row.id);
    if (!matches(whole, this.filters)) return;
    if (this.#bottom === null || isNotAfter(whole, this.#bottom)) this.#known.put(whole);
  }

  #showRows(): void {
    this.#cut();
    const { rows: before } = this.getSnapshot();
    const rows = this.#known.first(this.#limit);
    const isSame = rows.length === before.length && rows.every((row, at) => row === before[at]);
    const hasMore = this.#bottom !== null || this.#known.size > rows.length;
    this.show({ rows: isSame ? before : rows, hasMore });
    if (this.#bottom && rows.length < this.#limit && !this.#reading.isUnderWay) {
      this.#loadBelow(this.#bottom);
    }
  }

  /** Know no more than is needed: what rose pushed others down. */
  #cut(): void {
    const most = 2 * (this.#limit + SPARE);
    if (this.#known.size <= most) return;
    this.#known.cut(this.#limit + SPARE);
    this.#bottom = this.#known.last!;
  }

  #settle(): void {
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  #showState(): void {
    this.show({ state: this.#state(), error: this.#failure ?? this.feed.error });
  }

  #state(): StoreState {
    const { state } = this.feed;
    if (this.#isRefused) return "refused";
    if (!this.#isLoaded) return "loading";
    if (state === "refused" || state === "offline") return state;
    if (this.#failure) return "offline";
    // The feed catches up until the last of its lists has.
    const isBehind = state === "connecting" || !this.#isFresh || this.feed.isBehind(this);
    return isBehind ? "catching up" : "live";
  }
}
