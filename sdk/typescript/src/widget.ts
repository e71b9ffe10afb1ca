/** `client.widget`: what the customer's window looks like, and what it may know of the team. */
import type { Core } from "./core.js";
import type { Database } from "./database.js";
import { type Answer, PermissionDenied } from "./errors.js";

type Row = Database["public"]["Tables"]["widget_settings"]["Row"];

/** By language, then by name. */
export type WidgetTexts = Record<string, Record<string, string>>;

/** What everybody may know. */
export interface WidgetSettings extends Pick<
  Row,
  "color" | "text_color" | "logo_url" | "languages"
> {
  texts: WidgetTexts;
  /** By the website's business hours; null, if it has none. */
  is_team_there: boolean | null;
  back_at: string | null;
  /** Those who write to customers. */
  team: { first_name: string; avatar_url: string | null }[];
}

/** What admins may change; `logo_url` is of https, or null. */
export type WidgetChanges = Partial<
  Pick<Row, "color" | "text_color" | "logo_url" | "languages" | "shows_team"> & {
    texts: WidgetTexts;
  }
>;

/** Everybody reads its settings, admins change them. */
export class Widget {
  constructor(private readonly core: Core) {}

  /**
   * Return what everybody may know, without a session too; a minute old at most.
   *
   * @example
   * ```ts
   * const { color, team } = await client.widget.settings();
   * ```
   */
  async settings(): Promise<WidgetSettings> {
    const request = this.core.backend.rpc("get_widget_settings", undefined, { get: true });
    return this.core.send(request as PromiseLike<Answer<unknown>>) as Promise<WidgetSettings>;
  }

  /**
   * Change what is given. For admins.
   *
   * @throws {@link InvalidRequest} a value is none of its kind
   * @throws {@link PermissionDenied} the caller is no admin
   */
  async update(changes: WidgetChanges): Promise<void> {
    if (Object.keys(changes).length === 0) return; // PostgREST refuses an update of nothing
    const table = this.core.backend.from("widget_settings");
    const rows = await this.core.send(table.update(changes).eq("id", true).select("id"));
    if (rows.length === 0)
      throw new PermissionDenied("only admins change the widget's settings", "admin_only");
  }
}
