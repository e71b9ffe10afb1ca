// The whole inbox, as a team has it before them: light enough, usable by all, and within its bounds at each width.
import { deepEqual, equal, ok } from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { isLive, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, insert, update, visitor, workerOf } from "./project.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** With a folder, pictures are taken: `PICTURES=docs/pictures`. */
const { PICTURES } = process.env;

let ada;
let url;
let shown;
before(async () => {
  ada = await account("Ada Lindgren", "agent");
  ada.session = await sessionOf(ada);
  url = await serve();
  shown = await week();
  if (PICTURES) await mkdir(PICTURES, { recursive: true });
});

/** Some of a team's conversations, in their states; return the one to look at. */
async function week() {
  const said_ = {
    "Noah Stein": "The app closes when I open it.",
    "Emma Dubois": "Is the invoice available as a PDF?",
    "Yuki Tanaka": "I would like to talk to somebody, please.",
    "Chidi Okafor": "Do you ship to Lagos, and how long does it take?",
    "ليلى حداد": "أين طلبي؟",
    "Jonas Weber": "Can I return the blue kettle?",
    "Marta Lindqvist": "Hello, my order 4711 has not arrived yet. Where is it?",
  };
  const people = {};
  for (const [name, text] of Object.entries(said_)) people[name] = await visitor(text, name);
  const id = (name) => people[name].id;
  await update(`conversations?id=eq.${id("Yuki Tanaka")}`, {
    requires_human: true,
    escalation_reason: "human_requested",
    handed_over_at: new Date(Date.now() - 14 * 60_000).toISOString(),
  });
  await update(`conversations?id=eq.${id("Noah Stein")}`, { priority: "urgent", tags: ["app"] });
  await update(`conversations?id=eq.${id("Emma Dubois")}`, { requires_human: true, assigned_agent_id: ada.id });
  const first = await workerOf(id("Jonas Weber"));
  await first.settle({ ai_response: "Yes. You have 30 days to send it back, unused and in its box.", confidence: 0.91 });
  const second = await workerOf(id("Marta Lindqvist"));
  await second.settle({ ai_response: "It left our warehouse on Monday, and should be with you on Thursday.", confidence: 0.87 });
  await insert("conversation_notes", { conversation_id: id("Marta Lindqvist"), author_id: ada.id, content: "She wrote by mail, too: same order." });
  await people["Marta Lindqvist"].say("Thursday is fine. Which carrier is it, so that I can follow it?");
  return people["Marta Lindqvist"];
}

test("the first load is at most 215 KB of script, and what is not needed at once is not in it", async () => {
  const manifest = JSON.parse(await readFile(join(process.env.INBOX, ".vite", "manifest.json"), "utf8"));
  const first = new Set();
  const add = (name) => {
    if (first.has(name)) return;
    first.add(name);
    (manifest[name].imports ?? []).forEach(add);
  };
  ["index.html", "src/strings/en.ts", "src/icon.ts"].forEach(add); // asked for by each page
  let size = 0;
  for (const name of first) size += gzipSync(await readFile(join(process.env.INBOX, manifest[name].file))).length;
  ok(size <= 215_000, `${size} bytes`);
  ok(!first.has("src/scenes/replies/SavedReplies.tsx") && !first.has("src/strings/ar.ts"));
});

for (const theme of ["light", "dark"]) {
  test(`the screen is usable by all, ${theme}`, async () => {
    const page = await openAs(ada, `#/all/${shown.id}`, { url, colorScheme: theme, reducedMotion: "reduce", viewport: { width: 1280, height: 760 } });
    await said(page, "Which carrier").waitFor();
    await isLive(page);
    const worker = theme === "light" ? await workerOf(shown.id) : null;
    await worker?.begin();
    await worker?.write("PostNord has it. The number to follow it by is in the mail that you got on");
    if (worker) await said(page, "PostNord").waitFor();
    const newest = page.getByRole("button", { name: "To the newest" });
    if (await newest.count()) await newest.click();
    await page.mouse.move(640, 5);
    if (PICTURES) await page.screenshot({ path: join(PICTURES, `inbox-${theme}.png`) });
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 150)).join(" | ")}`), []);
    deepEqual(page.troubles, []);
    await worker?.settle({ action: "escalate", reason: "low_confidence" });
  });
}

test("it fits where it is 320 px wide, and in Arabic", async () => {
  const page = await openAs(ada, `#/all/${shown.id}`, { url, locale: "ar", viewport: { width: 320, height: 640 } });
  await page.locator("article").getByText("Which carrier").waitFor();
  equal(await page.evaluate(() => document.documentElement.dir), "rtl");
  for (const hash of [`#/all/${shown.id}`, "#/all"]) {
    await page.evaluate((next) => (location.hash = next), hash);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    ok(over <= 0, `${over} px too wide`);
    if (PICTURES) await page.screenshot({ path: join(PICTURES, `small-${hash.length}.png`) });
  }
});
