/** All rows of a function that reads. */
import type { Core } from "./core.js";
import type { Database } from "./database.js";
import { type Answer, unwrap } from "./errors.js";
import { CALL_MS } from "./pause.js";
import { checkStorable } from "./storable.js";

const PAGE = 1_000;

type Call<Row> = PromiseLike<Answer<Row[]> & { count: number | null }> & {
  range(from: number, to: number): Call<Row>;
};

/** Return all rows that a function gives, however few the project gives at a time (`max_rows`). */
export async function callForAll<Row>(
  core: Core,
  name: keyof Database["public"]["Functions"] & string,
  parameters: object,
): Promise<Row[]> {
  checkStorable([name, parameters]);
  const rows: Row[] = [];
  for (;;) {
    const { length } = rows;
    const called: unknown = core.backend.rpc(name as never, parameters as never, {
      count: "exact",
    });
    const counted = called as Call<Row>;
    const page = await core.attempt(
      length === 0 ? counted : counted.range(length, length + PAGE - 1),
      { timeoutMs: CALL_MS },
    );
    rows.push(...unwrap(page));
    if (rows.length === length || rows.length >= (page.count ?? 0)) return rows;
  }
}
