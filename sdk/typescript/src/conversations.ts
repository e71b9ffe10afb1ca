/** `client.conversations`: open, find and list conversations. */
import type { Romashka } from "./client.js";
import { Conversation } from "./conversation.js";
import { InvalidRequest, NotFound } from "./errors.js";
import type { ChannelType, ConversationRow, Priority, Status } from "./models.js";
import { readUpTo } from "./pages.js";
import { checkStorable } from "./storable.js";

/** Which conversations, and how many. */
export interface ListOptions {
  channelType?: ChannelType;
  status?: Status;
  priority?: Priority;
  assignedAgentId?: string;
  requiresHuman?: boolean;
  /** Part of a customer's name, address or number, or of the last message. */
  search?: string;
  /** The last one of the page before. */
  before?: Conversation | undefined;
  limit?: number;
}

const NO_UUID = "22P02";
const WITH_CUSTOMER = "*, customer_profiles(id,name,email,phone,preferences,satisfaction_rating)";
const SEARCHED = [
  "customer_name",
  "user_name",
  "user_email",
  "customer_phone",
  "last_message",
] as const;

export class Conversations {
  constructor(private readonly client: Romashka) {}

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
    const id = await this.client.call("create_conversation", {
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
    checkStorable(id); // in an address it would be replaced
    const query = this.client.supabase.from("conversations").select(WITH_CUSTOMER).eq("id", id);
    const [row] = await this.client.send(query).catch((error: unknown) => {
      if (error instanceof InvalidRequest && error.code === NO_UUID) return [];
      throw error;
    });
    if (!row) throw new NotFound(`there is no conversation ${id}`, "conversation_not_found");
    return new Conversation(this.client, row as ConversationRow);
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
    const { before: _, ...filters } = options;
    checkStorable(filters);
    return readUpTo<Conversation>(options.limit ?? 50, (last = options.before, count) =>
      this.#page({ ...options, before: last, limit: count }),
    );
  }

  async #page(options: ListOptions & { limit: number }): Promise<Conversation[]> {
    const { channelType, status, priority, assignedAgentId, requiresHuman } = options;
    let query = this.client.supabase.from("conversations").select(WITH_CUSTOMER);
    if (channelType !== undefined) query = query.eq("channel_type", channelType);
    if (status !== undefined) query = query.eq("status", status);
    if (priority !== undefined) query = query.eq("priority", priority);
    if (assignedAgentId !== undefined) query = query.eq("assigned_agent_id", assignedAgentId);
    if (requiresHuman !== undefined) query = query.eq("requires_human", requiresHuman);
    if (options.search) query = query.or(matching(options.search));
    if (options.before) {
      // Twice: the database begins to read where the first says, and the second is exact.
      const { row } = options.before;
      query = query.lte("last_message_at", row.last_message_at!).or(before(row));
    }
    const latest = query
      .order("last_message_at", { ascending: false })
      .order("id", { ascending: false });
    const rows = await this.client.send(latest.limit(options.limit));
    return rows.map((row) => new Conversation(this.client, row as ConversationRow));
  }
}

/** Would `list` with these options return the conversation? */
export function matches(row: ConversationRow, options: ListOptions): boolean {
  const search = options.search?.toLowerCase() ?? "";
  return (
    row.channel_type === (options.channelType ?? row.channel_type) &&
    row.status === (options.status ?? row.status) &&
    row.priority === (options.priority ?? row.priority) &&
    row.assigned_agent_id === (options.assignedAgentId ?? row.assigned_agent_id) &&
    row.requires_human === (options.requiresHuman ?? row.requires_human) &&
    (search === "" || SEARCHED.some((column) => row[column]?.toLowerCase().includes(search)))
  );
}

/** Find the text as it is: none of its signs is one of a pattern's, or of a filter's. */
function matching(search: string): string {
  const text = search.replaceAll(/[%_\\]/g, "\\$&").replaceAll("*", "_"); // PostgREST takes * for %
  const pattern = JSON.stringify(`%${text}%`);
  return SEARCHED.map((column) => `${column}.ilike.${pattern}`).join(",");
}

/** The filter of what comes after this one in a list. */
export function before({ last_message_at: at, id }: ConversationRow): string {
  return `last_message_at.lt."${at}",and(last_message_at.eq."${at}",id.lt.${id})`;
}
