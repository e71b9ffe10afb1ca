/** Which conversations a list has, and in which order: as the database answers it, and as an event does. */
import type { Core } from "./core.js";
import type { Json } from "./database.js";
import { InvalidRequest, NotFound } from "./errors.js";
import type { ChannelType, ConversationRow, Priority, Status } from "./models.js";
import { checkStorable } from "./storable.js";

/** Which conversations. */
export interface Filters {
  channelType?: ChannelType;
  /** One, or any of several. */
  status?: Status | readonly Status[];
  priority?: Priority;
  assignedAgentId?: string;
  /** Only those that are nobody's; or, with `false`, somebody's. */
  unassigned?: boolean;
  requiresHuman?: boolean;
  /** Those that have all of these. */
  tags?: readonly string[];
  /** Part of a customer's name, address or number, or of the last message. */
  search?: string;
}

/** What a place in a list is known by. */
export type Place = Pick<ConversationRow, "id" | "last_message_at">;

const NO_UUID = "22P02";
const EQUAL = [
  ["channelType", "channel_type"],
  ["priority", "priority"],
  ["assignedAgentId", "assigned_agent_id"],
  ["requiresHuman", "requires_human"],
] as const;
const SEARCHED = [
  "customer_name",
  "user_name",
  "user_email",
  "customer_phone",
  "last_message",
] as const;

/** Begin a query of conversations, each with its customer. */
export const conversations = (core: Core) =>
  core.backend
    .from("conversations")
    .select("*,turn,customer_profiles(id,name,email,phone,preferences,satisfaction_rating)");

/**
 * Read up to `limit` conversations after a place, the latest first.
 *
 * A project may give fewer rows at a time than it is asked for (`max_rows`): a page is the last one if it is shorter
 * than another was, or followed by an empty one.
 */
export async function readList(
  core: Core,
  filters: Filters,
  {
    after,
    limit,
    signal,
  }: { after?: Place | undefined; limit: number; signal?: AbortSignal | undefined },
): Promise<ConversationRow[]> {
  checkStorable(filters);
  const rows: ConversationRow[] = [];
  while (rows.length < limit) {
    const page = await readPage(core, filters, rows.at(-1) ?? after, limit - rows.length, signal);
    rows.push(...page);
    if (page.length < (WIDEST.get(core) ?? 1)) break;
    WIDEST.set(core, page.length);
  }
  return rows;
}

/** The longest page that a project gave, by client. */
const WIDEST = new WeakMap<Core, number>();

async function readPage(
  core: Core,
  filters: Filters,
  after: Place | undefined,
  count: number,
  signal: AbortSignal | undefined,
): Promise<ConversationRow[]> {
  let query = narrowed(conversations(core), filters);
  if (after) {
    // Twice: the database begins to read where the first says, and the second is exact.
    query = query.lte("last_message_at", after.last_message_at!).or(following(after));
  }
  const latest = query
    .order("last_message_at", { ascending: false })
    .order("id", { ascending: false });
  return (await core.send(latest.limit(count), { signal })) as ConversationRow[];
}

/**
 * Read one conversation.
 *
 * @throws {@link NotFound} there is none, or it is somebody else's
 */
export async function readConversation(
  core: Core,
  id: string,
  signal?: AbortSignal,
): Promise<ConversationRow> {
  checkStorable(id); // in an address it would be replaced
  const query = conversations(core).eq("id", id);
  const [row] = await core.send(query, { signal }).catch((error: unknown) => {
    if (error instanceof InvalidRequest && error.code === NO_UUID) return [];
    throw error;
  });
  if (!row) throw new NotFound(`there is no conversation ${id}`, "conversation_not_found");
  return row as ConversationRow;
}

/** Would a list with these filters have the conversation? */
export function matches(row: ConversationRow, filters: Filters): boolean {
  const { status, tags, unassigned } = filters;
  const search = filters.search?.toLowerCase();
  return (
    equalIn(filters).every(([column, value]) => row[column] === value) &&
    (!status || statuses(status).includes(row.status)) &&
    (unassigned === undefined || unassigned === (row.assigned_agent_id === null)) &&
    (!tags || tags.every((tag) => row.tags?.includes(tag))) &&
    (!search || SEARCHED.some((column) => row[column]?.toLowerCase().includes(search)))
  );
}

/** The filters by the names that the database has for them. */
export function columnsOf(filters: Filters): { [name: string]: Json } {
  const { status, unassigned, tags, search } = filters;
  const lists = { status: status && statuses(status), unassigned, tags };
  const others = Object.entries({ ...lists, search: search || undefined }); // an empty one is none
  const given = others.filter(([, value]) => value !== undefined);
  return Object.fromEntries([...equalIn(filters), ...given]) as { [name: string]: Json };
}

/** What columns must be, by the filters that say so. */
function equalIn(filters: Filters) {
  const given = EQUAL.map(([filter, column]) => [column, filters[filter]] as const);
  return given.filter(([, value]) => value !== undefined);
}

/** The same text for filters that mean the same. */
export function keyOf(filters: object): string {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined);
  const inOrder = given.map(([name, value]) => [
    name,
    Array.isArray(value) ? [...value].sort() : value,
  ]);
  return JSON.stringify(inOrder.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A query of conversations, as far as filters narrow it. */
interface Query<Self> {
  eq(column: string, value: never): Self;
  is(column: string, value: null): Self;
  not(column: string, operator: "is", value: null): Self;
  in(column: string, values: never): Self;
  contains(column: string, value: never): Self;
  or(filters: string): Self;
}

function narrowed<Q>(all: Q, filters: Filters): Q {
  const { status, unassigned, tags } = filters;
  let query = all as Query<Q> & Q;
  const narrow = (next: Q) => (query = next as Query<Q> & Q);
  for (const [column, value] of equalIn(filters)) narrow(query.eq(column, value as never));
  if (status) narrow(query.in("status", [...statuses(status)] as never));
  if (unassigned) narrow(query.is("assigned_agent_id", null));
  if (unassigned === false) narrow(query.not("assigned_agent_id", "is", null));
  if (tags?.length) narrow(query.contains("tags", [...tags] as never));
  if (filters.search) narrow(query.or(matching(filters.search)));
  return query;
}

function statuses(status: Status | readonly Status[]): readonly Status[] {
  return typeof status === "string" ? [status] : status;
}

/** Find the text as it is: none of its signs is one of a pattern's, or of a filter's. */
function matching(search: string): string {
  const text = search.replaceAll(/[%_\\]/g, "\\$&").replaceAll("*", "_"); // PostgREST takes * for %
  const pattern = JSON.stringify(`%${text}%`);
  return SEARCHED.map((column) => `${column}.ilike.${pattern}`).join(",");
}

/** The filter of what comes after a place in a list. */
function following({ last_message_at: at, id }: Place): string {
  return `last_message_at.lt."${at}",and(last_message_at.eq."${at}",id.lt.${id})`;
}
