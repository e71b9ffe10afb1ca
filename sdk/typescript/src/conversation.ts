/** One conversation: write, ask, follow what is said, and decide who answers. */
import { type AskOptions, streamAnswer } from "./answers.js";
import { chosen, type Offering } from "./choices.js";
import type { Core } from "./core.js";
import type { Database } from "./database.js";
import { NoAnswer, NotFound, RomashkaError } from "./errors.js";
import { explain, type Explanation } from "./explanation.js";
import { follow } from "./events.js";
import { readConversation } from "./listing.js";
import type { OnConnection, Page } from "./listener.js";
import {
  type ConversationEvent,
  type ConversationRow,
  type Delivery,
  type Message,
  type MessageCreated,
  type Note,
  type Priority,
  type Status,
} from "./models.js";
import { repeated, type SendOptions, store } from "./outgoing.js";
import { readUpTo } from "./pages.js";
import { Presence } from "./presence.js";
import { subscription } from "./subscription.js";

const PAGE = 500;
const AROUND = 50;

type Functions = Database["public"]["Functions"];
type Change =
  | "assign_conversation"
  | "mark_conversation_read"
  | "rate_conversation"
  | "resolve_conversation"
  | "return_conversation_to_ai"
  | "take_over_conversation";
type Arguments<Name extends Change> = Functions[Name]["Args"];

/** Where to begin, and who wants to know about the connection. */
export interface EventsOptions {
  /** Only messages whose position is greater; without it, all. */
  after?: number;
  /** Is called with true when the subscription is live, with false when it is not. */
  onConnection?: OnConnection;
}

/** Which messages: one of `before`, `after` and `around` at most. */
export interface MessagesOptions {
  limit?: number | undefined;
  /** Only those whose position is smaller. */
  before?: number | undefined;
  /** Only those whose position is greater. */
  after?: number | undefined;
  /** The one of this position in the middle; 50, unless `limit` says otherwise. */
  around?: number | undefined;
}

/** A conversation as it was when it was read, and what can be done with it. */
export class Conversation {
  readonly id: string;
  /** The private broadcast topic of its events. */
  readonly topic: string;
  /** Who is here, and who types. */
  readonly presence: Presence;

  readonly #row: ConversationRow | null;

  /** @param conversation its row; or its id, and then there is no `row` before `refresh` */
  constructor(
    private readonly core: Core,
    conversation: ConversationRow | string,
  ) {
    this.#row = typeof conversation === "string" ? null : conversation;
    this.id = typeof conversation === "string" ? conversation : conversation.id;
    this.topic = `conversation:${this.id}`;
    this.presence = new Presence(core.topics, `${this.topic}:typing`);
  }

  /**
   * The row of `conversations`.
   *
   * @throws {@link RomashkaError} it was opened by its id alone: `refresh()` reads it
   */
  get row(): ConversationRow {
    if (this.#row) return this.#row;
    throw new RomashkaError(
      `the conversation ${this.id} was not read; await refresh() gives it with its row`,
    );
  }

  /**
   * Write a message, as the customer or as an agent; return it as it was stored.
   *
   * A lost connection is tried again; the message is stored once. Whoever sends it again gives the same `id`: it is
   * the same message then, also if the first answer got lost.
   *
   * @throws {@link TooLarge} the text is longer than the project allows
   * @throws {@link RateLimited} too many in one minute
   * @throws {@link PermissionDenied} the conversation is somebody else's
   * @example
   * ```ts
   * const { position } = await conversation.send("Where is my order?");
   * ```
   */
  async send(text: string, options: SendOptions = {}): Promise<Message> {
    return store(this.core, this.id, text, options);
  }

  /**
   * Choose what a question offers, as the customer: one of `choicesOf(message)`, counted from 1.
   *
   * Returns the message as it was stored; its text is the choice's label. One that comes late, or a second one,
   * changes nothing: `choiceOf(stored).is_late` says so.
   *
   * @throws {@link InvalidRequest} the message does not offer that; nothing was sent
   * @example
   * ```ts
   * const answer = await conversation.ask("Can I send it back?");
   * if (choicesOf(answer).length) await conversation.choose(answer, 1);
   * ```
   */
  async choose(
    message: Offering,
    number: number,
    options: Pick<SendOptions, "id"> = {},
  ): Promise<Message> {
    const { text, metadata } = chosen(message, number, this.id);
    return this.send(text, { ...options, metadata });
  }

  /**
   * Write a message and wait for the automatic answer to it: a reply or a hand-over.
   *
   * @throws {@link NoAnswer} none came in time
   * @throws {@link NoAnswerNeeded} none will come: "thanks!" needs none
   * @throws {@link HumanHasIt} none will come: a human has the conversation
   * @example
   * ```ts
   * const answer = await conversation.ask("What is Romashka?");
   * console.log(kindOf(answer), answer.content);
   * ```
   */
  async ask(text: string, options?: AskOptions): Promise<Message> {
    for await (const event of this.stream(text, options)) {
      if (event.type === "message.created") return event.message;
    }
    throw new NoAnswer("the conversation was closed to us");
  }

  /**
   * Do what {@link Conversation.ask} does, and give the reply while it is written; its message comes last.
   *
   * @example
   * ```ts
   * for await (const event of conversation.stream("What is Romashka?")) {
   *   if (event.type === "reply.delta") process.stdout.write(event.text);
   * }
   * ```
   */
  stream(text: string, options: AskOptions = {}): AsyncGenerator<ConversationEvent, void> {
    return streamAnswer(this.core, this, this.#readAfter, text, options);
  }

  /**
   * Give each committed message after a position: once, in order, without a gap, without end.
   *
   * Lost connections are mended, and what was missed meanwhile is read. It ends when it is left.
   *
   * @throws {@link PermissionDenied} the conversation is somebody else's
   * @example
   * ```ts
   * for await (const { message } of conversation.events()) show(message.content);
   * ```
   */
  events(options: EventsOptions = {}): AsyncIterableIterator<MessageCreated> {
    return this.#subscribe(options, async function* (events) {
      for await (const event of events) if (event.type === "message.created") yield event;
    });
  }

  /**
   * Give what {@link Conversation.events} gives, and what passes by between: changed messages, and pieces
   * of a reply that is being written (docs/streaming.md).
   *
   * @example
   * ```ts
   * for await (const event of conversation.live()) {
   *   if (event.type === "reply.delta") append(event.text);
   *   if (event.type === "message.created") show(event.message);
   * }
   * ```
   */
  live(options: EventsOptions = {}): AsyncIterableIterator<ConversationEvent> {
    return this.#subscribe(options, (events) => events);
  }

  /**
   * Return messages in order: a page of the newest, of those before or after a position, or of those around one;
   * without a limit, all, or all after it.
   *
   * @example
   * ```ts
   * const newest = await conversation.messages({ limit: 50 });
   * const older = await conversation.messages({ limit: 50, before: newest[0]?.position });
   * const found = await conversation.messages({ around: 1_234 });
   * ```
   */
  async messages(page: MessagesOptions = {}): Promise<Message[]> {
    const { limit, before, around } = page;
    if (around !== undefined) {
      const count = limit ?? AROUND;
      return this.#after(around - Math.ceil(count / 2), count);
    }
    if (page.after !== undefined || (limit === undefined && before === undefined)) {
      return this.#after(page.after ?? 0, limit ?? Infinity);
    }
    const newest = await readUpTo<Message>(limit ?? AROUND, async (oldest, count) => {
      const position = oldest?.position ?? before;
      if (position === 1) return [];
      let query = this.#messages().order("position", { ascending: false }).limit(count);
      if (position !== undefined) query = query.lt("position", position);
      return (await this.core.send(query)) as Message[];
    });
    return newest.reverse();
  }

  /** Take it from the AI: no automatic message follows. Staff only. */
  async takeOver(): Promise<void> {
    await this.#change("take_over_conversation", {});
  }

  /** Let the AI answer the next customer message. Staff only. */
  async returnToAi(): Promise<void> {
    await this.#change("return_conversation_to_ai", {});
  }

  /** Close it; a new customer message reopens it, with the AI. Staff only. */
  async resolve(): Promise<void> {
    await this.#change("resolve_conversation", {});
  }

  /** Say whose it is, or nobody's; the AI goes on answering. Staff only. */
  async assign(agentId: string | null): Promise<void> {
    await this.#change("assign_conversation", { agent_id: agentId as string });
  }

  /** Say how soon it is to be answered. Staff only. */
  async setPriority(priority: Priority): Promise<void> {
    await this.#update({ priority });
  }

  /**
   * Add tags, and remove others; return those that it has then. Two who tag at once lose nothing. Staff only.
   *
   * @throws {@link InvalidRequest} a tag is empty, or longer than 100 characters
   * @example
   * ```ts
   * await conversation.tag(["refund"]);
   * await conversation.tag([], ["refund"]); // undone
   * ```
   */
  async tag(add: readonly string[], remove: readonly string[] = []): Promise<string[]> {
    const tags = { conversation_id: this.id, add: [...add], remove: [...remove] };
    return repeated(() => this.core.call("tag_conversation", tags));
  }

  /** Open it again after it was resolved, with the AI. Staff only. */
  async reopen(): Promise<void> {
    await this.#update({ status: "active" });
  }

  /**
   * Return why the AI wrote a message of it: sources, probabilities, attempts, time by stage. Staff only.
   *
   * @throws {@link NotFound} the AI wrote no such message
   */
  async explain(messageId: string): Promise<Explanation> {
    return explain(this.core, messageId);
  }

  /** Say how far the caller's side has read; without a position, everything. */
  async markRead(upTo?: number): Promise<void> {
    const position = upTo === undefined ? {} : { up_to_position: upTo };
    await this.#change("mark_conversation_read", position);
  }

  /** Return it as it is now. */
  async refresh(): Promise<Conversation> {
    return new Conversation(this.core, await readConversation(this.core, this.id));
  }

  /** Return its figures: messages, response times, escalations. */
  async metrics() {
    const id = { conversation_id: this.id };
    const [figures] = await this.core.call("get_conversation_performance_metrics", id);
    return figures!;
  }

  /** Say how content the customer is: 1 (bad) to 5 (good). */
  async rate(rating: number): Promise<void> {
    await this.#change("rate_conversation", { rating });
  }

  /** Have the team's answers mailed there, too, null: no more; false: no mail goes out, staff see it. */
  async leaveAddress(email: string | null): Promise<boolean> {
    const where = { conversation_id: this.id, email: email as string };
    return this.core.call("leave_address", where);
  }

  /** Write down something that only staff see. */
  async addNote(content: string): Promise<Note> {
    const row = { conversation_id: this.id, content };
    return this.core.send(
      this.core.backend.from("conversation_notes").insert(row).select().single(),
    );
  }

  /** Return what staff wrote down, oldest first. */
  async notes(): Promise<Note[]> {
    return readUpTo<Note>(Infinity, async (_, __, from) => {
      const notes = this.core.backend.from("conversation_notes").select();
      const inOrder = notes.eq("conversation_id", this.id).order("created_at").order("id");
      return this.core.send(inOrder.range(from, from + PAGE - 1));
    });
  }

  /** Remove a note of one's own; that there is none changes nothing. */
  async removeNote(noteId: string): Promise<void> {
    const notes = this.core.backend.from("conversation_notes").delete();
    await this.core.send(notes.eq("conversation_id", this.id).eq("id", noteId).select("id"));
  }

  /** Return its messages that go out by a channel, oldest first. Staff only. */
  async deliveries(): Promise<Delivery[]> {
    return readUpTo<Delivery>(Infinity, async (_, __, from) => {
      const deliveries = this.core.backend.from("channel_deliveries").select();
      const messages = deliveries.eq("conversation_id", this.id).eq("kind", "message");
      const inOrder = messages.order("position").order("id");
      return this.core.send(inOrder.range(from, from + PAGE - 1));
    });
  }

  #subscribe<Event>(
    { after = 0, onConnection }: EventsOptions,
    read: (events: AsyncGenerator<ConversationEvent, void>) => AsyncGenerator<Event, void>,
  ): AsyncIterableIterator<Event> {
    return subscription(
      () => this.core.topics.listen(this.topic, onConnection),
      (listener) => read(follow(listener, this.#readAfter, after)),
    );
  }

  /** Done twice, each of these does what it does once: so a lost connection is tried again. */
  async #change<Name extends Change>(
    name: Name,
    parameters: Omit<Arguments<Name>, "conversation_id">,
  ) {
    const all = { conversation_id: this.id, ...parameters } as Arguments<Name>;
    await repeated(() => this.core.call(name, all));
  }

  async #update(columns: { priority?: Priority; status?: Status }): Promise<void> {
    const updated = await repeated(() => {
      const conversations = this.core.backend.from("conversations").update(columns);
      return this.core.send(conversations.eq("id", this.id).select("id"));
    });
    if (updated.length > 0) return;
    const reason = `there is no conversation ${this.id} that you may change`;
    throw new NotFound(reason, "conversation_not_found");
  }

  #after(position: number, limit: number): Promise<Message[]> {
    return readUpTo<Message>(limit, async (last, count) => {
      const from = this.#messages().gt("position", last?.position ?? position);
      return (await this.core.send(
        from.order("position").limit(Math.min(count, PAGE)),
      )) as Message[];
    });
  }

  #messages() {
    return this.core.backend.from("messages").select().eq("conversation_id", this.id);
  }

  readonly #readAfter = async (position: number, signal?: AbortSignal): Promise<Page<Message>> => {
    const query = this.#messages().gt("position", position).order("position").limit(PAGE);
    const rows = (await this.core.send(query, { signal })) as Message[];
    return { type: "page", rows, isLast: rows.length === 0 };
  };
}
