/** `client.savedReplies`: what the team answers often, and how it is filled in. */
import type { Core } from "./core.js";
import type { Database } from "./database.js";
import { NotFound } from "./errors.js";
import { readUpTo } from "./pages.js";
import { checkStorable } from "./storable.js";

/** An answer that is at hand under a word; of `language` null: for customers of every language. */
export type SavedReply = Database["public"]["Tables"]["saved_replies"]["Row"];

type Text = string | null | undefined;

/** What is known of those whom a saved reply may name. */
export interface ReplyValues {
  customer?: { name?: Text; email?: Text; phone?: Text; company?: Text } | null | undefined;
  agent?: { name?: Text } | null | undefined;
}

/** A saved reply as it would be sent. */
export interface RenderedReply {
  text: string;
  /** The variables that stand in the text as they are, each once: they are not known, or there are no such. */
  missing: string[];
}

const VARIABLES = new Map<string, (values: ReplyValues) => Text>([
  ["customer.name", ({ customer }) => customer?.name],
  ["customer.first_name", ({ customer }) => firstWord(customer?.name)],
  ["customer.email", ({ customer }) => customer?.email],
  ["customer.phone", ({ customer }) => customer?.phone],
  ["customer.company", ({ customer }) => customer?.company],
  ["agent.name", ({ agent }) => agent?.name],
  ["agent.first_name", ({ agent }) => firstWord(agent?.name)],
]);

/** What may stand between double braces in a saved reply. */
export const REPLY_VARIABLES: readonly string[] = [...VARIABLES.keys()];

/**
 * Fill in what `{{customer.name}}` and the like stand for.
 *
 * What is not known, or no such variable, stays as it stands, for all to see.
 *
 * @example
 * ```ts
 * const { text, missing } = renderSavedReply(reply.content, { customer: { name: "Ada" } });
 * ```
 */
export function renderSavedReply(content: string, values: ReplyValues = {}): RenderedReply {
  const missing = new Set<string>();
  const text = content.replace(/\{\{\s*([a-z_.]+)\s*\}\}/g, (asItStands, name: string) => {
    const value = oneLine(VARIABLES.get(name)?.(values));
    if (value === "") missing.add(name);
    return value || asItStands;
  });
  return { text, missing: [...missing] };
}

function oneLine(value: Text): string {
  return typeof value === "string" ? value.trim().replace(/\s+/g, " ") : "";
}

function firstWord(value: Text): string | undefined {
  return oneLine(value).split(" ")[0];
}

/** For staff. */
export class SavedReplies {
  constructor(private readonly core: Core) {}

  /** Return them by their shortcuts; with a `language`, those of it, and those of every language. */
  async list({ language }: { language?: string } = {}): Promise<SavedReply[]> {
    checkStorable(language); // in an address it would be replaced
    return readUpTo<SavedReply>(Infinity, (_, __, from) => {
      let query = this.#replies().select();
      if (language !== undefined)
        query = query.or(`language.is.null,language.eq.${JSON.stringify(language)}`);
      return this.core.send(
        query
          .order("shortcut")
          .order("id")
          .range(from, from + PAGE - 1),
      );
    });
  }

  /**
   * Keep an answer under a word; its title is that word, unless it is given.
   *
   * @throws {@link Conflict} the word has an answer in this language
   * @throws {@link InvalidRequest} the shortcut is no single word, the text is empty or too long
   * @example
   * ```ts
   * await client.savedReplies.add("hours", "We are here from 9 to 5.", { language: "en" });
   * ```
   */
  async add(
    shortcut: string,
    content: string,
    { title = shortcut, language = null }: { title?: string; language?: string | null } = {},
  ): Promise<SavedReply> {
    const row = { shortcut, title, content, language };
    return this.core.send(this.#replies().insert(row).select().single());
  }

  /**
   * Change what is given of a saved reply.
   *
   * @throws {@link NotFound} it is gone
   */
  async update(
    id: string,
    changes: Partial<Pick<SavedReply, "shortcut" | "title" | "content" | "language">>,
  ): Promise<SavedReply> {
    checkStorable(id);
    // PostgREST refuses an update of nothing.
    const isEmpty = Object.keys(changes).length === 0;
    const request = isEmpty
      ? this.#replies().select().eq("id", id)
      : this.#replies().update(changes).eq("id", id).select();
    const [reply] = await this.core.send(request);
    if (!reply) throw new NotFound(`there is no saved reply ${id}`, "reply_not_found");
    return reply;
  }

  /** Remove it; one that is gone is no error. */
  async remove(id: string): Promise<void> {
    checkStorable(id);
    await this.core.send(this.#replies().delete().eq("id", id));
  }

  #replies() {
    return this.core.backend.from("saved_replies");
  }
}

const PAGE = 500;
