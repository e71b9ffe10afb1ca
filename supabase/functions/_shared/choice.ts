// What a customer chose of the answers that a question offers: each went out with an id, `choice:<message>:<number>`,
// which the channel brings back. Whether it is one, and still counts, the database says (docs/choices.md).

import { id } from "./json.ts";

const CHOICE = /^choice:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([1-9]\d?)$/;

export interface Choice {
  message_id: string;
  number: number;
}

export function readChoice(value: unknown): Choice | undefined {
  const [, message_id, number] = id(value)?.match(CHOICE) ?? [];
  return message_id ? { message_id, number: Number(number) } : undefined;
}
