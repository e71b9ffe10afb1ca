/** Times as people say them, and a clock that screens follow. */
import { useSyncExternalStore } from "react";

const MINUTE = 60_000;
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", MINUTE],
];

let now = Date.now();
const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** The present time; who uses it renders again twice a minute. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

function subscribe(onChange: () => void): () => void {
  watchers.add(onChange);
  timer ??= setInterval(() => {
    now = Date.now();
    watchers.forEach((tell) => tell());
  }, MINUTE / 2);
  return () => {
    watchers.delete(onChange);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** How long ago, in the shortest words: "5 min. ago", "now". After a week, the date. */
export function ago(time: string | null, at: number, language: string): string {
  if (!time) return "";
  const passed = Math.max(0, at - Date.parse(time));
  if (passed > 7 * 86_400_000)
    return formatter(language, { day: "numeric", month: "short" }).format(Date.parse(time));
  const [unit, size] = UNITS.find(([, each]) => passed >= each) ?? ["second", passed + 1];
  const style = { numeric: "auto", style: "narrow" } as const;
  return relative(language, style).format(-Math.floor(passed / size), unit);
}

/** How long, without "ago". */
export function lasting(since: string | null, at: number, language: string): string {
  const passed = Math.max(MINUTE, at - Date.parse(since ?? "") || MINUTE);
  const [unit, size] = UNITS.find(([, each]) => passed >= each)!;
  const style = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 } as const;
  const make = () => new Intl.NumberFormat(language, style);
  return kept(numbers, language, style, make).format(Math.floor(passed / size));
}

/** The time of day. */
export function clock(time: string | number, language: string): string {
  return formatter(language, { hour: "numeric", minute: "2-digit" }).format(new Date(time));
}

/** The day, in numbers and words. */
export function date(time: string, language: string): string {
  return formatter(language, { dateStyle: "medium" }).format(new Date(time));
}

/** Day and time, in full. */
export function full(time: string, language: string): string {
  return formatter(language, { dateStyle: "full", timeStyle: "short" }).format(new Date(time));
}

/** The day, as a line between messages has it. */
export function day(time: string, language: string): string {
  const options = { weekday: "long", day: "numeric", month: "long" } as const;
  return formatter(language, options).format(new Date(time));
}

/** The same for two times of one day. */
export function dayKey(time: string | number): number {
  const at = typeof time === "number" ? time : Date.parse(time);
  if (at < today.begin || at >= today.end) today = dayOf(at);
  return today.begin;
}

/** Most often it is the day that was asked for before; to find one by the calendar takes a hundred times as long. */
let today = { begin: 0, end: 0 };

function dayOf(at: number) {
  const date = new Date(at);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  return { begin: +new Date(year, month, day), end: +new Date(year, month, day + 1) };
}

const formatters = new Map<string, Intl.DateTimeFormat>();
function formatter(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return kept(formatters, language, options, () => new Intl.DateTimeFormat(language, options));
}

const numbers = new Map<string, Intl.NumberFormat>();
const relatives = new Map<string, Intl.RelativeTimeFormat>();
function relative(language: string, options: Intl.RelativeTimeFormatOptions) {
  return kept(relatives, language, options, () => new Intl.RelativeTimeFormat(language, options));
}

/** Making one takes as long as formatting a hundred times. */
function kept<T>(all: Map<string, T>, language: string, options: object, make: () => T): T {
  const key = language + JSON.stringify(options);
  const known = all.get(key) ?? make();
  all.set(key, known);
  return known;
}
