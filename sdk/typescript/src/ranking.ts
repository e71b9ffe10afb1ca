/** Conversations in a list's order, the latest first; putting one in its place costs little, however many there are. */
import type { Place } from "./listing.js";
import type { ConversationRow } from "./models.js";
import { microsecondsOf } from "./time.js";

export class Ranking {
  readonly #rows: ConversationRow[] = [];
  readonly #known = new Map<string, { row: ConversationRow; at: number }>();

  get size(): number {
    return this.#rows.length;
  }

  get last(): ConversationRow | undefined {
    return this.#rows.at(-1);
  }

  get(id: string): ConversationRow | undefined {
    return this.#known.get(id)?.row;
  }

  /** Put a conversation in its place; its state of before goes. */
  put(row: ConversationRow): void {
    this.remove(row.id);
    const at = timeOf(row);
    this.#rows.splice(this.#placeOf(row.id, at), 0, row);
    this.#known.set(row.id, { row, at });
  }

  remove(id: string): void {
    const known = this.#known.get(id);
    if (!known) return;
    this.#rows.splice(this.#placeOf(id, known.at), 1);
    this.#known.delete(id);
  }

  /** Return the first ones. */
  first(count: number): ConversationRow[] {
    return this.#rows.slice(0, count);
  }

  /** Keep the first ones alone. */
  cut(count: number): void {
    for (const { id } of this.#rows.splice(count)) this.#known.delete(id);
  }

  /** Where it is, or would be. */
  #placeOf(id: string, at: number): number {
    let [low, high] = [0, this.#rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#rows[middle]!.id;
      const difference = this.#known.get(other)!.at - at;
      if (difference > 0 || (difference === 0 && other > id)) low = middle + 1;
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

function timeOf(row: ConversationRow): number {
  return microsecondsOf(row.last_message_at ?? row.created_at);
}
