/** The database's times: text with microseconds, where a Date has milliseconds. */

export function isLater(one: string, other: string): boolean {
  const difference = Date.parse(one) - Date.parse(other);
  return difference === 0 ? one > other : difference > 0;
}
