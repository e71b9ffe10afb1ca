/** Lists of conversations, as screens show them: a store for each, and how many each has. */
import type { Core } from "./core.js";
import { Feed } from "./feed.js";
import { columnsOf, type Filters, keyOf } from "./listing.js";
import { Recent } from "./recent.js";
import { PAGE, View, type ViewFilters } from "./view.js";

/** So many lists that nobody looks at are kept: who comes back sees them at once. */
const MAX_VIEWS = 20;

export class Views {
  /** What all lists have in common. */
  protected readonly feed: Feed;
  readonly #views = new Recent<View>(MAX_VIEWS);

  constructor(protected readonly core: Core) {
    this.feed = new Feed(core);
    core.onAgain((isOther) => {
      if (isOther) this.feed.forget();
      this.#views.forEach((view) => (isOther ? view.forget() : view.retry()));
    });
  }

  /**
   * Return the list of the conversations that the filters let through; the same one for equal filters.
   *
   * It is a store: it stays up to date while somebody is subscribed to it.
   *
   * @example
   * ```ts
   * const waiting = client.inbox.view({ requiresHuman: true, limit: 20 });
   * const leave = waiting.subscribe(() => render(waiting.getSnapshot().rows));
   * ```
   */
  view(filters: ViewFilters = {}): View {
    const { limit = PAGE, ...narrow } = filters;
    return this.#views.get(keyOf({ ...narrow, limit }), () => {
      return new View(this.core, this.feed, narrow, limit);
    });
  }

  /**
   * Return how many conversations each view has, all in one call.
   *
   * @example
   * ```ts
   * const { waiting, mine } = await client.inbox.counts({
   *   waiting: { requiresHuman: true },
   *   mine: { assignedAgentId: me, status: ["active", "escalated"] },
   * });
   * ```
   */
  async counts<Name extends string>(views: Record<Name, Filters>): Promise<Record<Name, number>> {
    const named = Object.entries<Filters>(views).map(([name, filters]) => [
      name,
      columnsOf(filters),
    ]);
    const counted = this.core.call("count_conversations", { views: Object.fromEntries(named) });
    return (await counted) as Record<Name, number>;
  }
}
