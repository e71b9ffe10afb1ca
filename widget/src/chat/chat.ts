/** The customer's conversations: which one is on the screen, what of it is new, and what they do. */
import {
  choicesOf,
  type Conversation,
  type ConversationRow,
  type Message,
  type Thread,
  type WidgetSettings,
} from "romashka";

import { newId } from "../../../sdk/typescript/src/id";
import type { Identity } from "../session/identity";
import type { Keeper } from "../session/keeper";
import { openShelf, type Shelf } from "../session/shelf";
import type { Connected } from "./connect";
import { Departures, type Leaving, mayPass, type Parcel } from "./departures";
import { Turns } from "./turns";
import { Value } from "./value";

export interface ChatState {
  settings: WidgetSettings | null;
  /** The latest first. */
  conversations: readonly ConversationRow[];
  /** The one on the screen; null before there is one. */
  thread: Thread | null;
  /** What has no thread yet. */
  leaving: readonly Leaving[];
  /** Up to here the customer has read. */
  readUpTo: number;
  isLoading: boolean;
  error: Error | null;
}

/** Who comes back within a day goes on where they were, though it was resolved. */
const FRESH_MS = 86_400_000;
const EARLIER = 30;

export class Chat extends Value<ChatState> {
  readonly #departures: Departures;
  readonly #unsent: Shelf;
  #userId: string | null;
  #owner: string;
  /** What a page before could not send. */
  #held: readonly Parcel[] = [];
  readonly #turns = new Turns();
  #leaveThread = () => {};
  #newest = 0;
  #waiting: (() => void)[] = [];
  #isLive = false;
  readonly #written = new Set<string>();
  /** The customer said which one; or none. */
  #isChosen = false;
  readonly #leave: (() => void)[] = [];

  constructor(
    readonly project: string,
    private readonly keeper: Keeper,
    private readonly connected: Connected,
    private readonly identity: Identity,
    private readonly onMessage: (message: Message) => void,
  ) {
    super({
      settings: null,
      conversations: [],
      thread: null,
      leaving: [],
      readUpTo: 0,
      isLoading: keeper.userId !== null,
      error: null,
    });
    this.#userId = keeper.userId;
    this.#owner = keeper.owner;
    this.#unsent = openShelf(project, "unsent", "sessionStorage");
    this.#held = this.#keptUnsent();
    this.#departures = new Departures({
      clear: () => this.#clear(),
      reach: (isWanted) => this.#reach(isWanted),
      upload: (id, file) => connected.attachments.upload(id, file),
      onChange: (leaving) => (this.show({ leaving }), this.#keepUnsent()),
    });
    const watched = keeper.onAuthStateChange(() => this.#onUser());
    const told = openShelf(project, "begun", "localStorage").watch(() => this.#reread());
    const onBack = () => this.retryAll();
    addEventListener("online", onBack);
    this.#leave.push(
      () => watched.data.subscription.unsubscribe(),
      told,
      () => removeEventListener("online", onBack),
      () => this.#leaveThread(),
    );
  }

  /** Read what there is, and send what an earlier page could not. */
  async begin(): Promise<void> {
    if (this.keeper.userId) await this.read().catch(() => {}); // the screen says so
    this.#release();
  }

  /** What a customer wrote whom the page vouches for goes out as theirs, and as nobody else's. */
  #release(): void {
    const { owner } = this.keeper;
    const held = this.#held;
    this.#held = owner ? [] : held.filter(({ by }) => by);
    for (const parcel of held) if (!parcel.by || parcel.by === owner) this.#departures.send(parcel);
  }

  /** Read how it looks: kept by the browser for a minute. */
  async readSettings(): Promise<void> {
    const settings = await this.connected.widget.settings();
    const { texts, team, languages } = settings ?? {};
    // Whatever stands between may answer: ours is used, where it is none.
    if (texts && Array.isArray(team) && Array.isArray(languages)) this.show({ settings });
  }

  /** Be who the page says, read what is theirs, and send what waited for it. */
  async become(): Promise<void> {
    await this.identity.be().then(
      () => this.retryAll(),
      () => {}, // what is sent says so, and the console
    );
    if (this.keeper.userId) await this.read();
  }

  /** Read which conversations there are. */
  readonly read = this.#turns.shared(() => this.#read());

  /** Read the row of the one on the screen anew. */
  readonly refresh = this.#turns.shared(() => this.#refresh());

  /** How many messages of others are new. */
  get unread(): number {
    const { thread, readUpTo } = this.getSnapshot();
    const messages = thread?.getSnapshot().messages ?? [];
    return messages.filter((each) => each.sender_type !== "user" && each.position > readUpTo)
      .length;
  }

  /** The row of the one on the screen. */
  get row(): ConversationRow | null {
    const { thread, conversations } = this.getSnapshot();
    return conversations.find(({ id }) => id === thread?.id) ?? null;
  }

  get conversation(): Conversation | null {
    const { thread } = this.getSnapshot();
    return thread && this.connected.conversations.open(thread.id);
  }

  /** Write; what goes out has its id from now on. */
  write(text: string, files: readonly File[] = [], metadata?: Parcel["metadata"]): void {
    const [first, ...others] = files;
    this.#send({ text, metadata, file: first });
    for (const file of others) this.#send({ text: "", file });
  }

  #send(parcel: Omit<Parcel, "id">): void {
    const id = newId();
    this.#written.add(id);
    this.#departures.send({ ...parcel, id, by: this.identity.owner });
  }

  /** Choose what a question offers. */
  choose(question: Message, number: number): void {
    const choice = choicesOf(question).find((each) => each.number === number);
    if (choice) this.write(choice.label, [], { choice: { message_id: question.id, number } });
  }

  retry(id: string): void {
    if (!this.#departures.retry(id))
      void this.getSnapshot()
        .thread?.retrySend(id)
        .catch(() => {});
  }

  /** Send again what may go through now. */
  retryAll(): void {
    this.#waiting.splice(0).forEach((go) => go());
    const { leaving, thread } = this.getSnapshot();
    for (const { id, state, error } of [...leaving, ...(thread?.getSnapshot().outgoing ?? [])])
      if (state === "failed" && (mayPass(error) || this.#isKnownNow(error))) this.retry(id);
  }

  #isKnownNow(error: Error | null): boolean {
    return error?.name === "NotKnown" && this.identity.isKnown;
  }

  discard(id: string): void {
    this.#departures.discard(id);
    this.getSnapshot().thread?.discard(id);
  }

  /** Show another conversation; null begins a new one with what is written next. */
  look(id: string | null): void {
    this.#isChosen = true;
    this.#follow(id);
  }

  /** The customer has seen the newest of what others wrote. */
  markRead(): void {
    const { thread, readUpTo } = this.getSnapshot();
    const messages = thread?.getSnapshot().messages ?? [];
    const newest = messages.findLast(({ sender_type }) => sender_type !== "user")?.position ?? 0;
    if (!thread || newest <= readUpTo) return;
    this.show({ readUpTo: newest });
    const { conversations } = this.connected;
    conversations
      .open(thread.id)
      .markRead(newest)
      .catch(() => {}); // the next one says so, too
  }

  async rate(rating: number): Promise<void> {
    await this.conversation?.rate(rating);
    await this.refresh();
  }

  /** Leave an address for the answer; null takes it back. */
  async leaveAddress(email: string | null): Promise<void> {
    await this.conversation?.leaveAddress(email);
    await this.refresh();
  }

  /** Somebody else may sit there now: what was not sent is nobody's. */
  discardAll(): void {
    this.#held = [];
    this.#unsentOf(() => true).forEach(({ id }) => this.discard(id));
    this.#keepUnsent();
  }

  /** What a customer wrote whom the page vouched for is not the next one's. */
  discardOthers(owner = this.identity.owner): void {
    if (owner === undefined) return; // it will show
    this.#unsentOf((by) => !!by && by !== owner).forEach(({ id }) => this.discard(id));
  }

  #unsentOf(isMeant: (by: string | undefined) => boolean): { id: string }[] {
    const { leaving, thread } = this.getSnapshot();
    const outgoing = isMeant(this.#owner) ? thread?.getSnapshot().outgoing : null;
    return [...leaving.filter(({ by }) => isMeant(by)), ...(outgoing ?? [])];
  }

  close(): void {
    this.#leave.forEach((leave) => leave());
  }

  async #read(): Promise<void> {
    const { userId } = this.keeper;
    const isOthers = () => userId !== this.keeper.userId; // theirs is read by now
    try {
      const list = await this.connected.conversations.list({ limit: EARLIER });
      if (isOthers()) return;
      const conversations = list.map(({ row }) => row);
      this.show({ conversations, isLoading: false, error: null });
      const { thread } = this.getSnapshot();
      if (!thread && !this.#isChosen) this.#follow(conversations.find(isCurrent)?.id ?? null);
    } catch (error) {
      if (isOthers()) return;
      this.show({ isLoading: false, error: error as Error });
      throw error;
    }
  }

  async #refresh(): Promise<void> {
    const { thread } = this.getSnapshot();
    if (!thread) return;
    const { row } = await this.connected.conversations.get(thread.id);
    if (thread === this.getSnapshot().thread) this.#putRow(row);
  }

  async #clear(): Promise<void> {
    const isStuck = () =>
      !navigator.onLine ||
      (this.getSnapshot().thread?.getSnapshot().outgoing ?? []).some(
        ({ state, error }) => state === "failed" && mayPass(error),
      );
    while (isStuck()) await new Promise<void>((go) => this.#waiting.push(go));
  }

  /** A session of who the page says that it is, and a conversation in it. */
  async #reach(isWanted: () => boolean): Promise<Thread> {
    if (!this.identity.isKnown) await this.identity.be();
    await this.#turns.settled; // which one is theirs may be about to show
    if (!isWanted()) throw new Error("it was discarded");
    await this.keeper.signIn();
    if (!this.identity.isKnown) return this.#reach(isWanted);
    const { thread } = this.getSnapshot();
    if (thread) return thread;
    const { userId } = this.keeper;
    // Several tabs that begin at once get the same one.
    const conversation = await this.connected.conversations.create(this.identity.hint);
    if (userId !== this.keeper.userId || !this.identity.isKnown) return this.#reach(isWanted);
    this.#putRow(conversation.row);
    this.#follow(conversation.id);
    const begun = openShelf(this.project, "begun", "localStorage");
    begun.set(conversation.id);
    return this.getSnapshot().thread!;
  }

  #follow(id: string | null): void {
    if (this.getSnapshot().thread?.id === id) return;
    this.#leaveThread();
    const thread = id === null ? null : this.connected.conversations.thread(id);
    const row = this.getSnapshot().conversations.find((each) => each.id === id);
    this.#newest = 0;
    this.show({ thread, readUpTo: row?.customer_read_position ?? 0 });
    this.#leaveThread = thread?.subscribe(() => this.#onThread(thread)) ?? (() => {});
    if (thread) this.#onThread(thread);
  }

  #onThread(thread: Thread): void {
    const { messages, state } = thread.getSnapshot();
    this.#keepUnsent();
    this.#waiting.splice(0).forEach((go) => go());
    const newest = messages.at(-1)?.position ?? 0;
    if (newest > this.#newest) {
      const isFirst = this.#newest === 0;
      const news = messages.filter(({ position }) => position > this.#newest);
      this.#newest = newest;
      // What was there before the page is no news, but for what is unread, or was written here.
      const since = this.row?.customer_read_position ?? 0;
      const isNews = ({ id, sender_type, position }: Message) =>
        !isFirst || (sender_type === "user" ? this.#written.has(id) : position > since);
      news.filter(isNews).forEach((message) => this.onMessage(message));
      if (news.some(({ sender_type }) => sender_type !== "user"))
        void this.refresh().catch(() => {});
    }
    const wasLive = this.#isLive;
    this.#isLive = state === "live";
    if (this.#isLive && !wasLive) this.retryAll();
    this.show({});
  }

  #onUser(): void {
    const { userId } = this.keeper;
    const before = this.#userId;
    this.#userId = userId;
    if (before === userId) return;
    this.discardOthers(this.identity.owner ?? this.keeper.owner);
    const by = this.#owner;
    this.#owner = this.keeper.owner;
    this.#release();
    this.#isChosen = false;
    const { thread } = this.getSnapshot();
    if (before !== null && userId !== before) {
      // What the other session could not send goes out by the next one.
      const unsent = thread?.getSnapshot().outgoing ?? [];
      this.#follow(null);
      this.show({ conversations: [] });
      for (const { id, text, metadata } of unsent) {
        thread!.discard(id);
        this.#departures.send({ id, text, metadata, by });
      }
    }
    this.#reread();
  }

  #reread(): void {
    if (this.keeper.userId) void this.read().catch(() => {}); // the screen says so
  }

  #putRow(row: ConversationRow): void {
    const { conversations } = this.getSnapshot();
    const isKnown = conversations.some(({ id }) => id === row.id);
    this.show({
      conversations: isKnown
        ? conversations.map((each) => (each.id === row.id ? row : each))
        : [row, ...conversations],
    });
  }

  /** A reload loses nothing: what was not stored yet is sent again, with the same id. */
  #keepUnsent(): void {
    const { leaving, thread } = this.getSnapshot();
    const outgoing = thread?.getSnapshot().outgoing ?? [];
    const all: readonly Leaving[] = [
      ...leaving.filter(({ file, by }) => !file && by !== undefined),
      ...outgoing.map((each) => ({ ...each, by: this.#owner })),
    ];
    const kept = all
      .filter(({ attachment }) => !attachment)
      .map(({ id, text, metadata, by }): Parcel => ({ id, text, metadata, by }))
      .concat(this.#held);
    if (kept.length > 0 || this.#unsent.get() !== null)
      this.#unsent.set(kept.length > 0 ? JSON.stringify(kept) : null);
  }

  #keptUnsent(): Parcel[] {
    try {
      return JSON.parse(this.#unsent.get() ?? "[]") as Parcel[];
    } catch {
      return [];
    }
  }
}

function isCurrent({ status, last_message_at, channel_type }: ConversationRow): boolean {
  if (channel_type !== "website") return false;
  const isOver = status === "resolved" || status === "closed";
  return !isOver || Date.now() - Date.parse(last_message_at ?? "") < FRESH_MS;
}
