/** `client.conversations`: open, find and list conversations. */
import { Conversation } from "./conversation.js";
import type { Core } from "./core.js";
import { type Filters, readConversation, readList } from "./listing.js";
import type { ChannelType, ConversationRow } from "./models.js";
import { checkStorable } from "./storable.js";
import { Threads } from "./threads.js";

/** Which conversations, and how many. */
export interface ListOptions extends Filters {
  /** The last one of the page before. */
  before?: Conversation | undefined;
  limit?: number;
}

export class Conversations extends Threads {
  /** @param latest gives the row that was heard of last, of a conversation that it knows */
  constructor(
    core: Core,
    private readonly latest: (id: string) => ConversationRow | undefined = () => undefined,
  ) {
    super(core);
  }

  /**
   * Open a conversation, or the one that the customer has open on this channel.
   *
   * @param identifier how the team knows the customer: an e-mail address, a phone number, any id
   * @throws {@link NotSignedIn} there is no session; sign in first, anonymously if need be
   * @example
   * ```ts
   * const conversation = await client.conversations.create("visitor-17", { message: "Hello" });
   * ```
   */
  async create(
    identifier: string,
    { channelType = "website" as ChannelType, message = "" } = {},
  ): Promise<Conversation> {
    const id = await this.core.call("create_conversation", {
      customer_identifier: identifier,
      channel_type: channelType,
      initial_message: message,
    });
    return this.get(id);
  }

  /**
   * Return one conversation.
   *
   * @throws {@link NotFound} there is none, or it is somebody else's
   */
  async get(id: string): Promise<Conversation> {
    return new Conversation(this.core, await readConversation(this.core, id));
  }

  /**
   * Return a conversation without asking for it: of a row that is at hand, or by its id.
   *
   * By its id alone it has the row that the inbox heard of last; or none, and then `row` throws.
   *
   * @example
   * ```ts
   * await client.conversations.open(id).takeOver();
   * ```
   */
  open(conversation: string | ConversationRow): Conversation {
    if (typeof conversation !== "string") return new Conversation(this.core, conversation);
    checkStorable(conversation);
    return new Conversation(this.core, this.latest(conversation) ?? conversation);
  }

  /**
   * Return the conversations that the caller may see, a page at a time, the latest first.
   *
   * @example
   * ```ts
   * const waiting = await client.conversations.list({ requiresHuman: true, limit: 20 });
   * const more = await client.conversations.list({ requiresHuman: true, before: waiting.at(-1) });
   * ```
   */
  async list(options: ListOptions = {}): Promise<Conversation[]> {
    const { before, limit = 50, ...filters } = options;
    const rows = await readList(this.core, filters, { after: before?.row, limit });
    return rows.map((row) => new Conversation(this.core, row));
  }
}
