/** The database's times: text with microseconds, where a Date has milliseconds. */

const FRACTION = /\.\d{3}(\d{1,3})/;

/** Return a time in microseconds since 1970; exact until the year 2255. */
export function microsecondsOf(time: string): number {
  const beyond = FRACTION.exec(time)?.[1]?.padEnd(3, "0") ?? "0";
  return Date.parse(time) * 1_000 + Number(beyond);
}

export function isLater(one: string, other: string): boolean {
  return one !== other && microsecondsOf(one) > microsecondsOf(other);
}
