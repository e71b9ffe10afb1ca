/** `client.inbox`: all conversations as they change, for staff. */
import type { Romashka } from "./client.js";
import { mayPass, unwrap } from "./errors.js";
import type { Broadcast, Listener, OnConnection } from "./listener.js";
import type { ConversationChanged, ConversationRow, InboxEvent } from "./models.js";
import { backoffMs, pause } from "./pause.js";
import { subscription } from "./subscription.js";
import { isLater } from "./time.js";

const PAGE = 100;
/** A transaction writes its time before it commits: so far back another may still appear. */
const OVERLAP_MS = 60_000;
/** Of so many conversations it is known which state was given; of others one may come twice. */
const MAX_KNOWN = 10_000;
const NO_ID = "00000000-0000-0000-0000-000000000000";

export interface InboxOptions {
  /** The latest `updated_at` that is known already: instead of the newest, only what changed since. */
  since?: string;
  /** Is called with true when the subscription is live, with false when it is not. */
  onConnection?: OnConnection;
}

export class Inbox {
  constructor(private readonly client: Romashka) {}

  /**
   * Give the newest conversations, the oldest of them first, then each one that changes, without end.
   *
   * It converges to the latest state of each: a state may be skipped, a newer one is never followed by
   * an older one.
   *
   * @throws {@link PermissionDenied} the caller is no staff
   * @example
   * ```ts
   * for await (const { conversation } of client.inbox.events()) rows.set(conversation.id, conversation);
   * ```
   */
  events(options: InboxOptions = {}): AsyncIterableIterator<ConversationChanged> {
    return this.#subscribe(options, async function* (events) {
      for await (const event of events) if (event.type === "conversation.changed") yield event;
    });
  }

  /** Give what {@link Inbox.events} gives, and what passes by between: deliveries that failed. */
  live(options: InboxOptions = {}): AsyncIterableIterator<InboxEvent> {
    return this.#subscribe(options, (events) => events);
  }

  #subscribe<Event>(
    { since, onConnection }: InboxOptions,
    read: (events: AsyncGenerator<InboxEvent, void>) => AsyncGenerator<Event, void>,
  ): AsyncIterableIterator<Event> {
    return subscription(
      () => this.client.topics.listen("inbox", onConnection),
      (listener) => read(this.#follow(listener, new Known(since))),
    );
  }

  async *#follow(listener: Listener, known: Known): AsyncGenerator<InboxEvent, void> {
    for await (const signal of listener) {
      if (signal.type === "broadcast" && signal.event === "delivery.failed") {
        yield { ...signal.payload, type: signal.event } as InboxEvent;
      }
      const changed =
        signal.type === "broadcast" ? conversationOf(signal) : this.#read(known, listener);
      for await (const conversation of changed) {
        if (known.isNews(conversation)) yield { type: "conversation.changed", conversation };
      }
    }
  }

  /** Read what changed; while the project is unreachable, wait and go on where it broke off. */
  async *#read(known: Known, listener: Listener): AsyncGenerator<ConversationRow, void> {
    for (let failures = 0; !listener.isClosed; failures += 1) {
      try {
        yield* known.newest ? this.#changedSince(known.newest - OVERLAP_MS) : this.#newest();
        return;
      } catch (error) {
        if (!mayPass(error, failures)) throw error;
        await pause(backoffMs(failures));
      }
    }
  }

  async *#newest(): AsyncGenerator<ConversationRow, void> {
    const latest = this.#conversations().order("last_message_at", { ascending: false });
    const newest = latest.order("id", { ascending: false }).limit(PAGE);
    yield* (await unwrap(newest)).reverse() as ConversationRow[];
  }

  async *#changedSince(time: number): AsyncGenerator<ConversationRow, void> {
    let at = new Date(time).toISOString();
    let id = NO_ID;
    for (;;) {
      // Twice: the database begins to read where the first says, and the second is exact.
      const next = this.#conversations()
        .gte("updated_at", at)
        .or(`updated_at.gt."${at}",and(updated_at.eq."${at}",id.gt.${id})`);
      const page = await unwrap(next.order("updated_at").order("id").limit(PAGE));
      yield* page as ConversationRow[];
      const last = (page as ConversationRow[]).at(-1);
      if (!last || page.length < PAGE) return;
      at = last.updated_at;
      id = last.id;
    }
  }

  #conversations() {
    return this.client.supabase.from("conversations").select();
  }
}

/** Return the conversation that a broadcast is about; of one of another kind or version, none. */
function conversationOf({ payload }: Broadcast): ConversationRow[] {
  const conversation = payload["conversation"] as ConversationRow | undefined;
  return typeof conversation?.updated_at === "string" ? [conversation] : [];
}

/** Which state of each conversation was given last. */
class Known {
  /** The latest change of all, in milliseconds since 1970. */
  newest: number;
  readonly #updatedAt = new Map<string, string>();

  constructor(since?: string) {
    this.newest = since ? Date.parse(since) : 0;
  }

  isNews({ id, updated_at }: ConversationRow): boolean {
    const given = this.#updatedAt.get(id);
    if (given !== undefined && !isLater(updated_at, given)) return false;
    this.#updatedAt.delete(id); // the map keeps the order in which they changed
    this.#updatedAt.set(id, updated_at);
    if (this.#updatedAt.size > MAX_KNOWN) this.#updatedAt.delete(first(this.#updatedAt.keys())!);
    this.newest = Math.max(this.newest, Date.parse(updated_at));
    return true;
  }
}

function first<Value>(values: Iterable<Value>): Value | undefined {
  for (const value of values) return value;
  return undefined;
}
