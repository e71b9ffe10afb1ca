/** `client.knowledge`: what the AI answers from. */
import { callForAll } from "./allRows.js";
import type { Core } from "./core.js";
import type { Database } from "./database.js";
import { NotFound } from "./errors.js";
import { readUpTo } from "./pages.js";
import { checkStorable } from "./storable.js";

type Public = Database["public"];

/** One piece of knowledge: a row of `knowledge_items`. */
export type KnowledgeItem = Public["Tables"]["knowledge_items"]["Row"];
/** An item that a search found, and how well it answers: `score` is 0 to 1. */
export type KnowledgeMatch = Public["Functions"]["search_knowledge"]["Returns"][number];

/** What there is to say of an item beside its title and its text. */
export interface KnowledgeOptions {
  language?: string;
  tags?: string[];
  /** Where it can be read. */
  sourceUrl?: string;
}

/** For staff. */
export class Knowledge {
  constructor(private readonly core: Core) {}

  /**
   * Return the active items that answer a question best.
   *
   * @example
   * ```ts
   * const [best] = await client.knowledge.search("Which channels are there?", { language: "en" });
   * ```
   */
  async search(
    query: string,
    { language, limit = 5 }: { language?: string; limit?: number } = {},
  ): Promise<KnowledgeMatch[]> {
    const inLanguage = language === undefined ? {} : { language };
    const wanted = { query, max_results: limit, ...inLanguage };
    return callForAll(this.core, "search_knowledge", wanted);
  }

  /** Return a page of the items, in the order of their ids; `after` is the last one before it. */
  async list(
    page: { language?: string; after?: KnowledgeItem | undefined; limit?: number } = {},
  ): Promise<KnowledgeItem[]> {
    checkStorable(page.language); // in an address it would be replaced
    return readUpTo<KnowledgeItem>(page.limit ?? 100, (last = page.after, count) => {
      let query = this.#items().select();
      if (page.language !== undefined) query = query.eq("language", page.language);
      if (last !== undefined) query = query.gt("id", last.id);
      return this.core.send(query.order("id").limit(count));
    });
  }

  /**
   * Add an item; it is answered from at once.
   *
   * @throws {@link PermissionDenied} the caller is no staff
   * @example
   * ```ts
   * await client.knowledge.add("Opening hours", "We are here from 9 to 5.");
   * ```
   */
  async add(
    title: string,
    content: string,
    options: KnowledgeOptions = {},
  ): Promise<KnowledgeItem> {
    const { language = "en", tags = [], sourceUrl = null } = options;
    const row = { title, content, language, tags, source_url: sourceUrl };
    return this.core.send(this.#items().insert(row).select().single());
  }

  /**
   * Change what is given of an item; only active ones are answered from.
   *
   * @throws {@link NotFound} there is no such item
   */
  async update(
    id: string,
    changes: { title?: string; content?: string; isActive?: boolean },
  ): Promise<KnowledgeItem> {
    checkStorable(id);
    const { isActive, ...row } = changes;
    const status = isActive === undefined ? {} : { status: isActive ? "active" : "archived" };
    const changed = { ...row, ...status };
    // PostgREST refuses an update of nothing.
    const isEmpty = Object.keys(changed).length === 0;
    const request = isEmpty
      ? this.#items().select().eq("id", id)
      : this.#items().update(changed).eq("id", id).select();
    const [item] = await this.core.send(request);
    if (!item) throw new NotFound(`there is no item ${id}`, "item_not_found");
    return item;
  }

  /** Remove an item for good; one that is gone is no error. */
  async remove(id: string): Promise<void> {
    checkStorable(id);
    await this.core.send(this.#items().delete().eq("id", id));
  }

  #items() {
    return this.core.backend.from("knowledge_items");
  }
}
