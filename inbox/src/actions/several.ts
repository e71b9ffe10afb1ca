/** The same with several conversations: some at a time, and each that failed is told. */
import type { ConversationRow } from "romashka";

import type { Scene, Undo } from "./action";
import { assign, reopen, tag } from "./changes";

/** So many are changed at a time. */
const AT_ONCE = 4;

type Client = Scene["client"];
type Rows = readonly ConversationRow[];

/** What became of several: how many were changed, why the others were not, and the way back of those that were. */
export interface Outcome {
  count: number;
  failure: Error | null;
  undo: Undo;
}

export function assignAll(client: Client, rows: Rows, to: string | null): Promise<Outcome> {
  const others = rows.filter((row) => row.assigned_agent_id !== to);
  return withAll(others, (row) => assign(client, row, to));
}

export function tagAll(client: Client, rows: Rows, name: string): Promise<Outcome> {
  const others = rows.filter(({ tags }) => !tags?.includes(name));
  return withAll(others, (row) => tag(client, row, [name], []));
}

export function resolveAll(client: Client, rows: Rows): Promise<Outcome> {
  const open = rows.filter(({ status }) => status !== "resolved" && status !== "closed");
  return withAll(open, async (row) => {
    await client.conversations.open(row).resolve();
    return () => reopen(client, row);
  });
}

async function withAll(
  rows: Rows,
  work: (row: ConversationRow) => Promise<Undo>,
): Promise<Outcome> {
  const undos: Undo[] = [];
  let failure: Error | null = null;
  await someAtATime(rows, async (row) => {
    try {
      undos.push(await work(row));
    } catch (error) {
      failure ??= error as Error;
    }
  });
  return {
    count: undos.length,
    failure,
    undo: () => someAtATime(undos, (undo) => undo()),
  };
}

async function someAtATime<T>(
  all: readonly T[],
  work: (each: T) => Promise<unknown>,
): Promise<void> {
  const left = [...all];
  const worker = async () => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) await work(each);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
