/** The inbox's topic, heard once for all lists of a client: what changed, and when something was missed. */
import { conversationsOf, isWithoutRows } from "./changes.js";
import type { Core } from "./core.js";
import { Effort } from "./effort.js";
import type { Source } from "./following.js";
import { onFrame } from "./frames.js";
import type { Broadcast } from "./listener.js";
import { conversations } from "./listing.js";
import type { ConversationRow } from "./models.js";
import { isLater } from "./time.js";
import { Watch, type Watcher } from "./watch.js";

/** Of so many conversations the latest state is remembered. */
const MAX_KNOWN = 10_000;
/** So many are read at once: their ids are in an address. */
const MAX_IDS = 100;
/** A check reads what changed since; when it is more than that, lists are read anew. */
const MAX_CHANGED = 200;
/** Events that say only that there is something to be read can come one after the other. */
const READ_EACH_MS = 200;
/** A transaction writes its time before it commits: so far back another may still appear. */
const OVERLAP_MS = 60_000;

/** A list that wants to be kept up to date. */
export interface Follower {
  /** These changed; once a frame. */
  onChanged(rows: ConversationRow[]): void;
  /** Something of conversations was heard, or of what staff note about them. */
  onBroadcast?(signal: Broadcast): void;
  /** Something may have been missed: read anew, then call `caughtUp`. */
  onMissed(isInterrupted: boolean): void;
  /** The feed's state is another. */
  onState(): void;
}

interface Change {
  readonly row: ConversationRow;
  readonly sequence: number;
}

export class Feed implements Watcher {
  readonly #followers = new Set<Follower>();
  /** Who has not read yet what may have been missed. */
  readonly #behind = new Set<Follower>();
  readonly #watch: Watch;
  readonly #changes = new Map<string, Change>();
  #sequence = 0;
  #newest = "";
  readonly #news = new Map<string, ConversationRow>();
  readonly #incomplete = new Set<string>();
  readonly #check = new Effort();
  readonly #completion = new Effort();

  constructor(private readonly core: Core) {
    this.#watch = new Watch(core, "inbox", this);
  }

  /** What is told from now on has a greater number. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Return the feed as one of its followers has it. */
  sourceFor(follower: Follower): Source {
    const watch = this.#watch;
    const behind = this.#behind;
    const caughtUp = () => {
      if (behind.delete(follower) && behind.size === 0) watch.caughtUp();
    };
    return {
      get state() {
        return watch.state;
      },
      get error() {
        return watch.error;
      },
      get isBehind() {
        return behind.has(follower);
      },
      open: () => {
        this.#followers.add(follower);
        watch.open();
        if (watch.isBehind) behind.add(follower);
      },
      close: () => {
        this.#followers.delete(follower);
        caughtUp();
        if (this.#followers.size === 0) this.#leave();
      },
      retry: () => watch.retry(),
      caughtUp,
    };
  }

  /** Forget all: somebody else is signed in. */
  forget(): void {
    this.#changes.clear();
    this.#newest = "";
  }

  /** The latest state of a conversation, as far as it was heard or read. */
  latest(id: string): ConversationRow | undefined {
    return this.#changes.get(id)?.row;
  }

  /** The states that were told since. */
  changesSince(sequence: number): ConversationRow[] {
    return [...this.#changes.values()]
      .filter((change) => change.sequence > sequence)
      .map(({ row }) => row);
  }

  /** Note what a follower read: it is no older than what was heard of the same change, and may be newer. */
  note(rows: ConversationRow[]): void {
    for (const row of rows) {
      const { updated_at = "" } = this.latest(row.id) ?? {};
      if (!isLater(updated_at, row.updated_at)) this.#remember(row);
    }
  }

  /** Read what an event did not say of these, all in one request. */
  complete(ids: Iterable<string>): void {
    for (const id of ids) this.#incomplete.add(id);
    if (!this.#completion.isUnderWay) onFrame(this.#completeAll);
  }

  onBroadcast(signal: Broadcast): void {
    conversationsOf(signal).forEach((row) => this.#take(row));
    if (isWithoutRows(signal)) this.#watch.miss(READ_EACH_MS);
    this.#followers.forEach((each) => each.onBroadcast?.(signal));
  }

  onMissed(isInterrupted: boolean): void {
    this.#check.giveUp();
    if (this.#followers.size === 0) return this.#watch.caughtUp();
    this.#followers.forEach((each) => this.#behind.add(each));
    this.#followers.forEach((each) => each.onMissed(isInterrupted));
  }

  onState(): void {
    if (this.#watch.isBehind) this.#followers.forEach((each) => this.#behind.add(each));
    this.#followers.forEach((each) => each.onState());
  }

  /** Read what changed since the latest change that is known. */
  onCheck(): void {
    if (!this.#newest) return this.#watch.miss(0);
    const since = new Date(Date.parse(this.#newest) - OVERLAP_MS).toISOString();
    this.#check.begin(
      async (signal) => {
        const all = conversations(this.core);
        const changed = all.gte("updated_at", since).order("updated_at", { ascending: false });
        const rows = await this.core.send(changed.limit(MAX_CHANGED), { signal });
        return rows as ConversationRow[];
      },
      (rows) => {
        if (rows.length >= MAX_CHANGED) this.#watch.miss(0);
        else rows.forEach((row) => this.#take(row));
      },
      () => {},
    );
  }

  #leave(): void {
    this.#watch.close();
    this.#check.giveUp();
    this.#completion.giveUp();
    this.#incomplete.clear();
    this.#news.clear();
    this.#behind.clear();
  }

  #take(row: ConversationRow): void {
    const known = this.latest(row.id);
    const { customer_profiles: customer = known?.customer_profiles } = row;
    // What was read later than the event may say whose it is, and nothing else that is new.
    const isCompleted = customer !== undefined && known?.customer_profiles === undefined;
    const latest = known && !isLater(row.updated_at, known.updated_at) ? known : row;
    if (latest === known && !isCompleted) return;
    const whole = { ...latest, ...(customer !== undefined && { customer_profiles: customer }) };
    this.#remember(whole);
    this.#news.set(row.id, whole);
    onFrame(this.#tell);
  }

  #remember(row: ConversationRow): void {
    this.#changes.delete(row.id); // the map keeps the order in which they changed
    this.#changes.set(row.id, { row, sequence: (this.#sequence += 1) });
    if (!this.#newest || isLater(row.updated_at, this.#newest)) this.#newest = row.updated_at;
    if (this.#changes.size <= MAX_KNOWN) return;
    for (const oldest of this.#changes.keys()) return void this.#changes.delete(oldest);
  }

  readonly #tell = (): void => {
    const rows = [...this.#news.values()];
    this.#news.clear();
    this.#followers.forEach((each) => each.onChanged(rows));
  };

  readonly #completeAll = (): void => {
    const ids = [...this.#incomplete].slice(0, MAX_IDS);
    if (ids.length === 0 || this.#completion.isUnderWay) return;
    this.#completion.begin(
      async (signal) => {
        const all = conversations(this.core).in("id", ids);
        return (await this.core.send(all, { signal })) as ConversationRow[];
      },
      (rows) => {
        ids.forEach((id) => this.#incomplete.delete(id));
        rows.forEach((row) => this.#take(row));
        this.#completeAll();
      },
      () => {},
    );
  };
}
