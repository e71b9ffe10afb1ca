/** What the team answers often, and how it is filled in. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import {
  Conflict,
  InvalidRequest,
  NotFound,
  PermissionDenied,
  renderSavedReply,
  type ReplyValues,
} from "romashka";

import { newAgent, newCustomer } from "./project.js";
import { setting } from "./settings.js";

interface Case extends ReplyValues {
  content: string;
  text: string;
  missing: string[];
}

test("what is known is filled in, and the rest is seen", () => {
  const path = join(dirname(setting("SCENARIOS")), "saved_reply_cases.json");
  for (const each of JSON.parse(readFileSync(path, "utf8")) as Case[]) {
    const { content, text, missing, ...values } = each;
    deepEqual(renderSavedReply(content, values), { text, missing }, content);
  }
});

test("the team has them together", async () => {
  const [one, other] = [await newAgent(), await newAgent()];
  const word = `w${randomUUID()}`;
  const english = await one.savedReplies.add(word, "We are here.", { language: "en" });
  const german = await one.savedReplies.add(word, "Wir sind da.", { language: "de" });
  const every = await one.savedReplies.add(word, "👋");
  await rejects(other.savedReplies.add(word.toUpperCase(), "x", { language: "en" }), Conflict);
  await rejects(other.savedReplies.add("two words", "x"), InvalidRequest);
  const ours = async (language?: string) => {
    const all = await other.savedReplies.list(language === undefined ? {} : { language });
    return new Set(all.filter(({ shortcut }) => shortcut === word).map(({ id }) => id));
  };
  deepEqual(await ours(), new Set([english.id, german.id, every.id]));
  deepEqual(await ours("en"), new Set([english.id, every.id]));
  deepEqual(await ours('x",id.not.is.null,language.eq."'), new Set([every.id]));
  const changed = await other.savedReplies.update(german.id, { content: "Ja.", title: "Zeiten" });
  deepEqual([changed.content, changed.title, changed.language], ["Ja.", "Zeiten", "de"]);
  equal((await other.savedReplies.update(german.id, {})).content, "Ja.");
  await other.savedReplies.remove(english.id);
  await rejects(one.savedReplies.update(english.id, { title: "x" }), NotFound);
});

test("customers have none", async () => {
  const customer = await newCustomer();

  await rejects(customer.savedReplies.add("x", "x"), PermissionDenied);
  deepEqual(await customer.savedReplies.list(), []);
});
