/** `client.drafts`: what an agent has begun to write, on each of their devices. */
import type { Core } from "./core.js";
import { NotSignedIn } from "./errors.js";
import { type Followed, Following, type Source } from "./following.js";
import type { Broadcast } from "./listener.js";
import type { MessageDraft } from "./models.js";
import { readUpTo } from "./pages.js";
import { Watch, type Watcher } from "./watch.js";

export interface DraftsState extends Followed {
  /** The latest first; a draft that did not change is the same object. */
  readonly drafts: readonly MessageDraft[];
}

/** For staff, each of whom has their own. */
export class Drafts {
  /**
   * All drafts of whoever is signed in, as they change on each of their devices: a store.
   *
   * @example
   * ```ts
   * const leave = client.drafts.mine.subscribe(() => render(client.drafts.mine.getSnapshot().drafts));
   * ```
   */
  readonly mine: DraftList;

  constructor(private readonly core: Core) {
    const mine = new DraftList(core);
    this.mine = mine;
    core.onAgain((isOther) => (isOther ? mine.forget() : mine.retry()));
  }

  /** Return all of them, the latest first. */
  async list(): Promise<MessageDraft[]> {
    return readDrafts(this.core);
  }

  /**
   * Keep what is written so far, and return its revision; an empty text keeps none (0).
   *
   * It is removed by itself once the agent's message, or note, is there. `revision` is that of the state which this
   * one follows, and 0 where there is none.
   *
   * @throws {@link Conflict} another device wrote, sent or removed it since; nothing was changed
   * @example
   * ```ts
   * let revision = await client.drafts.save(conversation.id, "Dear Ada,");
   * revision = await client.drafts.save(conversation.id, "Dear Ada, yes.", { revision });
   * ```
   */
  async save(
    conversationId: string,
    content: string,
    { mode = "reply", revision = 0 }: { mode?: MessageDraft["mode"]; revision?: number } = {},
  ): Promise<number> {
    const draft = { conversation_id: conversationId, content, mode, revision };
    return this.core.call("save_draft", draft);
  }
}

/** The drafts of whoever is signed in. */
export class DraftList extends Following<DraftsState> implements Watcher {
  protected readonly source: OwnTopic;
  /** The latest state of each; one that is gone is empty. */
  readonly #known = new Map<string, MessageDraft>();

  constructor(private readonly core: Core) {
    super({ drafts: [], state: "loading", error: null });
    this.source = new OwnTopic(core, this);
  }

  onBroadcast({ payload }: Broadcast): void {
    const { draft } = payload as { draft?: MessageDraft };
    if (typeof draft?.revision === "number") this.#put(draft);
    this.#showDrafts();
  }

  onCheck(): void {
    this.ask();
  }

  protected async read(signal: AbortSignal): Promise<() => void> {
    await this.source.join();
    const before = new Map(this.#known);
    const drafts = await readDrafts(this.core, signal);
    return () => {
      const found = new Set(drafts.map(placeOf));
      for (const [place, draft] of before) {
        if (!found.has(place) && this.#known.get(place) === draft) this.#known.delete(place);
      }
      drafts.forEach((draft) => this.#put(draft));
      this.#showDrafts();
    };
  }

  protected clear(): void {
    this.#known.clear();
    this.#showDrafts();
  }

  #put(draft: MessageDraft): void {
    const known = this.#known.get(placeOf(draft));
    if (!known || known.revision < draft.revision) this.#known.set(placeOf(draft), draft);
  }

  #showDrafts(): void {
    const drafts = [...this.#known.values()].filter(({ content }) => content !== "");
    drafts.sort((one, other) => other.revision - one.revision);
    const { drafts: before } = this.getSnapshot();
    const isSame =
      drafts.length === before.length && drafts.every((each, at) => each === before[at]);
    if (!isSame) this.show({ drafts });
  }
}

/** The topic of whoever is signed in; who that is, is known once there is a session. */
class OwnTopic implements Source {
  #isOpen = false;
  #watch: Watch | null = null;

  constructor(
    private readonly core: Core,
    private readonly watcher: Watcher,
  ) {}

  get state() {
    return this.#watch?.state ?? "connecting";
  }

  get error(): Error | null {
    return this.#watch?.error ?? null;
  }

  get isBehind(): boolean {
    return this.#watch?.isBehind ?? false;
  }

  open(): void {
    this.#isOpen = true;
  }

  /** Listen, if somebody still wants it. */
  async join(): Promise<void> {
    if (this.#watch) return;
    await this.core.session.renewIfExpired();
    const { userId } = this.core.session;
    if (!userId) throw new NotSignedIn("unable to listen; nobody is signed in", "no_session");
    if (this.#watch || !this.#isOpen) return;
    this.#watch = new Watch(this.core, `drafts:${userId}`, this.watcher);
    this.#watch.open();
  }

  close(): void {
    this.#isOpen = false;
    this.#watch?.close();
    this.#watch = null;
  }

  retry(): void {
    this.#watch?.retry();
  }

  caughtUp(): void {
    this.#watch?.caughtUp();
  }
}

function placeOf({ conversation_id, mode }: MessageDraft): string {
  return `${conversation_id} ${mode}`;
}

async function readDrafts(core: Core, signal?: AbortSignal): Promise<MessageDraft[]> {
  return readUpTo<MessageDraft>(Infinity, (last) => {
    let query = core.backend.from("message_drafts").select();
    if (last) query = query.lt("revision", last.revision);
    const page = core.send(query.order("revision", { ascending: false }), { signal });
    return page as Promise<MessageDraft[]>;
  });
}
