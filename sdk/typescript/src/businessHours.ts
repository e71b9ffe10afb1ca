/** `client.businessHours`: when the team is there, and what customers are told when it is not. */
import type { Core } from "./core.js";
import type { Database, Json } from "./database.js";
import type { ChannelType } from "./models.js";
import { readUpTo } from "./pages.js";
import { checkStorable } from "./storable.js";

type Row = Database["public"]["Tables"]["business_hours"]["Row"];

/** On these days, 1 is Monday; `from` and `to` as `09:00`. What ends before it begins ends the next day. */
export interface Span {
  days: number[];
  from: string;
  to: string;
}

/** `closed` are days, as `2026-12-25`, on which no span begins. */
export type Hours = { timezone: string; closed?: string[] } & ({ spans: Span[] } | Span);

/** When the team is there: for all channels, one kind of them, or one account. */
export interface BusinessHours extends Omit<Row, "channel_type" | "hours" | "away_texts"> {
  channel_type: ChannelType | null;
  hours: Hours;
  /** By language; where there is none, Romashka's own words. `{when}` is when somebody is back. */
  away_texts: Record<string, string>;
}

/** Of which channels hours are; of all that have none of their own, if neither is given. */
export interface HoursOptions {
  channelType?: ChannelType;
  /** Of one account alone. */
  channelId?: string;
  /** By language, what is said outside of them, instead of Romashka's own words. */
  awayTexts?: Record<string, string>;
}

/** Staff read them, admins write them. */
export class BusinessHoursOfChannels {
  constructor(private readonly core: Core) {}

  /** Return the hours of all channels. */
  async list(): Promise<BusinessHours[]> {
    return readUpTo<BusinessHours>(Infinity, (_, __, from) => {
      const page = this.#hours().select().order("created_at").order("id");
      return this.core.send(page.range(from, from + PAGE - 1)) as Promise<unknown> as Promise<
        BusinessHours[]
      >;
    });
  }

  /**
   * Say when the team is there, instead of what was said of the same channels. For admins.
   *
   * @throws {@link InvalidRequest} the hours cannot be read, or a text is none
   * @throws {@link PermissionDenied} the caller is no admin
   * @example
   * ```ts
   * const week = { days: [1, 2, 3, 4, 5], from: "09:00", to: "18:00" };
   * await client.businessHours.set({ timezone: "Europe/Berlin", spans: [week], closed: ["2026-12-25"] });
   * ```
   */
  async set(
    hours: Hours,
    { channelType, channelId, awayTexts = {} }: HoursOptions = {},
  ): Promise<BusinessHours> {
    const row = {
      channel_type: channelType ?? null,
      channel_id: channelId ?? null,
      hours: hours as unknown as NonNullable<Json>,
      away_texts: awayTexts,
    };
    const request = this.#hours().upsert(row, { onConflict: "channel_type,channel_id" });
    return (await this.core.send(request.select().single())) as unknown as BusinessHours;
  }

  /** Forget hours: somebody is always there. Those that are gone are no error. For admins. */
  async remove(id: string): Promise<void> {
    checkStorable(id);
    await this.core.send(this.#hours().delete().eq("id", id));
  }

  #hours() {
    return this.core.backend.from("business_hours");
  }
}

const PAGE = 500;
