// What a customer answered in a Flow (a form of WhatsApp's): texts, choices, opt-ins, dates and files, as lines
// that a person reads.

import type { Media } from "../_shared/events.ts";
import { type Fields, fields, id, present, short, text } from "../_shared/json.ts";

interface Answers {
  lines: string[];
  media: Media[];
}

const NO_ANSWERS = new Set(["flow_token", "wa_flow_response_params"]);
const MAX_DEPTH = 4;
const FIRST_DATE = Date.UTC(1900, 0);
const LAST_DATE = Date.UTC(2200, 0);

export function readAnswers(json: unknown): Answers {
  const media: Media[] = [];
  const lines = Object.entries(parse(json)).filter(([name]) => !NO_ANSWERS.has(name))
    .map(([name, value]) => [nameOf(name), answerOf(value, name, media)])
    .filter(([, answer]) => answer !== "")
    .map(([name, answer]) => `${name}: ${answer}`);
  return { lines, media };
}

function parse(json: unknown): Fields {
  if (typeof json === "object") return fields(json);
  try {
    return fields(JSON.parse(text(json) ?? "{}"));
  } catch {
    return {};
  }
}

/** What the team called the question: Meta's builder of Flows puts the screen before it and a number after it. */
function nameOf(name: string): string {
  const own = name.match(/^screen_\d+_(.+?)(?:_\d+)?$/)?.[1] ?? name;
  return own.replaceAll("_", " ").trim() || name;
}

function answerOf(value: unknown, name: string, media: Media[], depth = 0): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) {
    if (depth >= MAX_DEPTH) return "";
    return value.map((part) => answerOf(part, name, media, depth + 1)).filter(Boolean).join(", ");
  }
  if (typeof value === "object" && value !== null) {
    return depth < MAX_DEPTH ? answerOfObject(fields(value), name, media, depth) : "";
  }
  const said = text(value);
  if (said === undefined) return "";
  return dateOf(said, name) ?? choiceOf(said, name);
}

/** A file, the first and last day of a range, or members that the team named. */
function answerOfObject(value: Fields, name: string, media: Media[], depth: number): string {
  const file = fileOf(value);
  if (file) {
    media.push(file);
    return file.name ?? "[File]";
  }
  const [first, last] = [text(value["start-date"]), text(value["end-date"])];
  if (first && last) return `${dateOf(first, "date") ?? first} to ${dateOf(last, "date") ?? last}`;
  return Object.entries(value)
    .map(([part, answer]) => [nameOf(part), answerOf(answer, `${name}_${part}`, media, depth + 1)])
    .filter(([, answer]) => answer !== "")
    .map(([part, answer]) => `${part} ${answer}`).join(", ");
}

function fileOf(value: Fields): Media | undefined {
  const own = id(value.id);
  if (!own || !text(value.mime_type)) return undefined;
  return present({
    id: own,
    mime_type: short(value.mime_type),
    name: short(value.file_name),
    sha256: short(value.sha256),
  });
}

/** A day, where a question for a date is answered in milliseconds, as older Flows do. */
function dateOf(said: string, name: string): string | undefined {
  if (!/date|day|birth/i.test(name) || !/^-?\d{11,13}$/.test(said)) return undefined;
  const time = Number(said);
  return time > FIRST_DATE && time < LAST_DATE
    ? new Date(time).toISOString().slice(0, 10)
    : undefined;
}

/** The builder of Flows numbers the choices (`0_Delivery`). */
function choiceOf(said: string, name: string): string {
  const choice = /^screen_\d+_/.test(name) ? said.match(/^\d+_(.+)$/s)?.[1] : undefined;
  return choice?.replaceAll("_", " ") ?? said;
}
