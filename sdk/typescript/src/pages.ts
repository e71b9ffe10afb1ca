/** Reading rows page by page, whatever a page may hold. */

/**
 * Return up to `limit` of what `read` gives: after the `last` one, at most `count`, `from` how many on.
 *
 * A page ends when it is empty: a project may give fewer rows at a time than it is asked for (`max_rows`).
 */
export async function readUpTo<Row>(
  limit: number,
  read: (last: Row | undefined, count: number, from: number) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  while (rows.length < limit) {
    const page = await read(rows.at(-1), limit - rows.length, rows.length);
    if (page.length === 0) break;
    rows.push(...page);
  }
  return rows;
}
