/** One conversation's messages as a screen shows them: `client.conversations.thread(id)`. */
import type { Core } from "./core.js";
import { draftAfter, type Draft, type DraftState, NO_DRAFT } from "./draft.js";
import { unwrap } from "./errors.js";
import { eventsOf } from "./events.js";
import { type Followed, Following } from "./following.js";
import { onFrame } from "./frames.js";
import type { Broadcast } from "./listener.js";
import { readConversation } from "./listing.js";
import { MessageList } from "./messageList.js";
import type { Message } from "./models.js";
import { Outbox, type Outgoing } from "./outbox.js";
import { type SendOptions, store } from "./outgoing.js";
import { REQUEST_MS } from "./pause.js";
import { Watch, type Watcher } from "./watch.js";

const PAGE = 50;
const CHANGES = 500;
/** A transaction writes its time before it commits: so far back another may still appear. */
const OVERLAP_MS = 60_000;

export interface ThreadState extends Followed {
  /** In order, without a gap. A message that did not change is the same object. */
  readonly messages: readonly Message[];
  /** The reply that is being written. */
  readonly draft: Draft | null;
  /** What the user wrote, and the messages do not have yet. */
  readonly outgoing: readonly Outgoing[];
  /** Are there messages before the first? `loadOlder` reads them. */
  readonly hasOlder: boolean;
}

export const NOTHING: ThreadState = {
  messages: [],
  draft: null,
  outgoing: [],
  hasOlder: false,
  state: "loading",
  error: null,
};

export class Thread extends Following<ThreadState> implements Watcher {
  protected readonly source: Watch;
  #list = new MessageList();
  #hasOlder = false;
  #drafts: DraftState = NO_DRAFT;
  #older: Promise<void> | null = null;
  readonly #outbox: Outbox;

  constructor(
    private readonly core: Core,
    readonly id: string,
  ) {
    super(NOTHING);
    this.source = new Watch(core, `conversation:${id}`, this);
    this.#outbox = new Outbox(
      (text, options) =>
        store(core, id, text, { ...options, timeoutMs: options.timeoutMs ?? REQUEST_MS }),
      () => this.show({ outgoing: this.#outbox.all }),
    );
  }

  /** Must it be kept? What could not be sent would be lost. */
  override get isNeeded(): boolean {
    return super.isNeeded || this.#outbox.all.length > 0;
  }

  /**
   * Show a message, and store it after those before it; return it as it was stored.
   *
   * What could not be stored within `timeoutMs` (ten seconds of its turn) stays in `outgoing`, as `failed`, and
   * is thrown. The same `id` is the same message, however often it is sent.
   *
   * @example
   * ```ts
   * await thread.send("Hello.", { senderType: "agent" }).catch(() => {}); // it is shown as failed
   * ```
   */
  async send(text: string, options: SendOptions = {}): Promise<Message> {
    const message = await this.#outbox.send(text, options);
    this.#noteStored(message);
    return message;
  }

  /** Send a message of `outgoing` again that failed; it keeps its id, and is stored once. */
  async retrySend(id: string): Promise<Message> {
    const message = await this.#outbox.retry(id);
    this.#noteStored(message);
    return message;
  }

  /** Take a message out of `outgoing`. One that is being sent may be stored all the same. */
  discard(id: string): void {
    this.#outbox.discard(id);
  }

  /**
   * Read the page before the first message, or what there is back to a position, 500 at a time; who asks again meanwhile
   * gets the same.
   */
  loadOlder(backTo = this.#list.oldest - PAGE): Promise<void> {
    this.#older ??= this.#loadOlder(backTo).finally(() => (this.#older = null));
    return this.#older;
  }

  protected clear(): void {
    this.#list = new MessageList();
    this.#hasOlder = false;
    this.#drafts = NO_DRAFT;
    this.#outbox.all.forEach(({ id }) => this.#outbox.discard(id));
    this.#show();
  }

  protected override end(): void {
    super.end();
    this.#drafts = NO_DRAFT; // what is missed of it does not come again
    if (this.#list.all.length > 2 * PAGE) {
      this.#list.cut(PAGE);
      this.#hasOlder = true;
    }
    this.#show();
  }

  onBroadcast(signal: Broadcast): void {
    for (const event of eventsOf(signal)) {
      if (event.type === "message.created") {
        const isNext = this.isLoaded && event.message.position <= this.#list.newest + 1;
        if (isNext) this.#put([event.message]);
        else this.ask();
      } else if (event.type === "message.updated") {
        const { position } = event.message;
        if (position >= this.#list.oldest && position <= this.#list.newest)
          this.#put([event.message]);
      } else if (event.type === "message.unknown") this.ask();
      if (event.type !== "message.unknown") this.#drafts = draftAfter(this.#drafts, event);
    }
    onFrame(this.#show);
  }

  onCheck(): void {
    this.ask();
  }

  override onState(): void {
    if (this.source.state !== "live") this.#drafts = NO_DRAFT;
    this.#show();
    super.onState();
  }

  protected async read(signal: AbortSignal): Promise<() => void> {
    const isFirst = !this.isLoaded;
    const messages = await (isFirst ? this.#readNewest(signal) : this.#readChanges(signal));
    // Of a conversation that there is not, there are no messages either.
    if (isFirst && messages.length === 0) await readConversation(this.core, this.id, signal);
    return () => {
      this.#put(messages);
      if (isFirst) this.#hasOlder = this.#list.oldest > 1;
      this.#show();
    };
  }

  async #readNewest(signal: AbortSignal, before?: number, count = PAGE): Promise<Message[]> {
    let query = this.#messages()
      .order("position", { ascending: false })
      .limit(Math.min(count, CHANGES));
    if (before !== undefined) query = query.lt("position", before);
    return (await this.core.send(query, { signal })) as Message[];
  }

  /** Read what is new, and what changed since the latest change that is known. */
  async #readChanges(signal: AbortSignal): Promise<Message[]> {
    const { oldest, newest, changedAt } = this.#list;
    const since = changedAt && new Date(Date.parse(changedAt) - OVERLAP_MS).toISOString();
    const changed: Message[] = [];
    for (;;) {
      const from = changed.at(-1)?.position ?? oldest - 1;
      const all = this.core.backend.from("messages").select("*", { count: "exact" });
      let query = all.eq("conversation_id", this.id).gt("position", from);
      if (since) query = query.or(`position.gt.${newest},updated_at.gte."${since}"`);
      const page = await this.core.attempt(query.order("position").limit(CHANGES), { signal });
      const rows = unwrap(page) as Message[];
      changed.push(...rows);
      if (rows.length === 0 || rows.length >= (page.count ?? Infinity)) return changed;
    }
  }

  async #loadOlder(backTo: number): Promise<void> {
    if (!this.#hasOlder) return;
    const list = this.#list;
    const { oldest } = list;
    const older = await this.#readNewest(new AbortController().signal, oldest, oldest - backTo);
    if (list !== this.#list || list.oldest !== oldest) return; // it was forgotten, or cut
    list.put(older);
    this.#hasOlder = older.length > 0 && list.oldest > 1;
    this.#show();
  }

  #messages() {
    return this.core.backend.from("messages").select().eq("conversation_id", this.id);
  }

  /** A message of ours is stored: it is shown as soon as those before it are. */
  #noteStored(message: Message): void {
    if (!this.isLoaded) return;
    if (message.position <= this.#list.newest + 1) this.#put([message]);
    else if (this.isWatched) this.ask();
    this.#show();
  }

  #put(messages: readonly Message[]): void {
    this.#list.put(messages);
    this.#outbox.note(messages);
    for (const message of this.#drafts.draft ? messages : []) {
      this.#drafts = draftAfter(this.#drafts, { type: "message.created", message });
    }
  }

  readonly #show = (): void => {
    this.show({
      messages: this.#list.all,
      draft: this.#drafts.draft,
      outgoing: this.#outbox.all,
      hasOlder: this.#hasOlder,
    });
  };
}
