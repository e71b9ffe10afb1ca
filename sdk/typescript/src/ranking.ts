/** Conversations in a list's order, the latest first; putting one in its place costs little, however many there are. */
import type { Place } from "./listing.js";
import type { ConversationRow } from "./models.js";
import { microsecondsOf } from "./time.js";

interface Entry {
  readonly row: ConversationRow;
  readonly at: number;
}

export class Ranking {
  readonly #entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();

  get size(): number {
    return this.#entries.length;
  }

  get last(): ConversationRow | undefined {
    return this.#entries.at(-1)?.row;
  }

  get(id: string): ConversationRow | undefined {
    return this.#byId.get(id)?.row;
  }

  /** Put a conversation in its place; its state of before goes. */
  put(row: ConversationRow): void {
    this.remove(row.id);
    const entry = { row, at: timeOf(row) };
    this.#byId.set(row.id, entry);
    this.#entries.splice(this.#placeOf(entry), 0, entry);
  }

  remove(id: string): void {
    const entry = this.#byId.get(id);
    if (!entry) return;
    this.#byId.delete(id);
    this.#entries.splice(this.#placeOf(entry), 1);
  }

  /** Return the first ones. */
  first(count: number): ConversationRow[] {
    return this.#entries.slice(0, count).map(({ row }) => row);
  }

  /** Keep the first ones alone. */
  cut(count: number): void {
    for (const { row } of this.#entries.splice(count)) this.#byId.delete(row.id);
  }

  /** Where it is, or would be. */
  #placeOf(entry: Entry): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.#entries[middle]!, entry)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Is a conversation above a place in the list, or in it? */
export function isNotAfter(row: ConversationRow, place: Place): boolean {
  const difference = timeOf(row) - timeOf(place as ConversationRow);
  return difference > 0 || (difference === 0 && row.id >= place.id);
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at > other.at || (one.at === other.at && one.row.id > other.row.id);
}

function timeOf(row: ConversationRow): number {
  return microsecondsOf(row.last_message_at ?? row.created_at);
}
