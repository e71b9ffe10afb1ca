// The AI at work: its draft, stopping it, and who was first.
import { deepEqual, equal, ok } from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { eventually, isLive, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, read, visitor, workerOf } from "./project.mjs";

const RACES = Number(process.env.RACES ?? 8);
let ada;
let url;
let page;
before(async () => {
  ada = await account("Ada Agent", "agent");
  ada.session = await sessionOf(ada);
  url = await serve();
  page = await openAs(ada, "", { url, isShared: true });
});
afterEach(() => page.unrouteAll({ behavior: "ignoreErrors" }));

const answersOf = (id) => read(`messages?conversation_id=eq.${id}&sender_type=eq.ai&select=content`);

async function drafting(text = "What I would say. ") {
  const { id } = await visitor("Where is my parcel?");
  await page.goto(`${url}#/all/${id}`);
  await said(page, "Where is my parcel?").waitFor();
  await isLive(page);
  const worker = await workerOf(id);
  await worker.begin();
  await worker.write(text);
  await said(page, text.trim()).waitFor();
  return { id, worker };
}

test("a draft grows where it stands, and its answer takes its place", async () => {
  const { worker } = await drafting("It is ");
  await worker.write("on its way.");
  await said(page, "It is on its way.").waitFor();
  const place = await said(page, "It is on its way.").boundingBox();
  await worker.settle({ ai_response: "It is on its way.", confidence: 0.87 });
  await page.getByText("87% sure").waitFor();
  const after = await said(page, "It is on its way.").last().boundingBox();
  ok(Math.abs(after.y - place.y) <= 1, `${place.y} ${after.y}`);
  equal(await page.getByText("Stop and take over").count(), 0);
  await page.getByRole("button", { name: "Why?" }).click();
  await page.locator("dialog[open]").getByText("87%").waitFor();
  await page.keyboard.press("Escape");
  deepEqual(page.troubles, []);
});

test("stopped in time, the draft was never sent, and becomes a reply by choice", async () => {
  const { id, worker } = await drafting();
  await page.getByRole("button", { name: "Stop and take over" }).click();
  await page.getByText("Never sent").waitFor();
  await worker.settle({ ai_response: "Too late." });
  deepEqual(await answersOf(id), []);
  await page.getByRole("button", { name: "Use as my reply" }).click();
  equal((await page.getByRole("textbox", { name: "Reply" }).inputValue()).trim(), "What I would say.");
  await page.keyboard.press("Enter");
  await eventually(async () => (await read(`messages?conversation_id=eq.${id}&sender_type=eq.agent`)).length === 1);
  equal(await page.getByText("Never sent").count(), 0);
});

test("stopped too late, the answer stands, and the conversation is ours", async () => {
  const { id, worker } = await drafting();
  await page.route("**/rpc/take_over_conversation", async (route) => {
    await worker.settle({ ai_response: "What I would say." });
    await route.continue();
  });
  await page.getByRole("button", { name: "Stop and take over" }).click();
  await page.getByText("The AI had already sent this.").waitFor();
  equal(await page.getByText("Never sent").count(), 0);
  equal((await answersOf(id)).length, 1);
  const [{ assigned_agent_id }] = await read(`conversations?id=eq.${id}`);
  equal(assigned_agent_id, ada.id);
});

test("whoever was first, the screen says what the database decided, and nothing of the AI follows", async () => {
  const outcomes = new Map();
  let lead = 0; // who was first is slower the next time: so all are close
  for (let race = 0; race < RACES; race += 1) {
    const { id, worker } = await drafting();
    const stop = await page.getByRole("button", { name: "Stop and take over" }).elementHandle();
    await Promise.all([
      pause(Math.max(lead, 0)).then(() => worker.settle({ ai_response: "What I would say." })),
      pause(Math.max(-lead, 0)).then(() => stop.evaluate((button) => button.click())),
    ]);
    const answers = await answersOf(id);
    lead += answers.length ? 5 : -5;
    if (answers.length) await said(page, "What I would say.").waitFor();
    else await page.getByText("Never sent").waitFor();
    equal(await page.getByText("Never sent").count(), answers.length ? 0 : 1);
    equal(await said(page, "What I would say.").count(), 1);
    outcomes.set(id, answers.length);
  }
  for (const [id, answers] of outcomes) equal((await answersOf(id)).length, answers);
  const open = `conversation_id=in.(${[...outcomes.keys()]})&status=in.(pending,processing)`;
  deepEqual(await read(`ai_response_queue?${open}&select=id`), []); // nothing that could still be answered
  const lost = [...outcomes.values()].filter(Boolean).length;
  console.log(`${RACES} races: the AI was first in ${lost}, somebody of the team in ${RACES - lost}`);
  deepEqual(page.troubles, []);
});

test("a takeover that fails says so, and the draft goes on", async () => {
  const { worker } = await drafting();
  await page.route("**/rpc/take_over_conversation", (route) =>
    route.fulfill({ status: 403, json: { code: "PT403", message: "no", details: "staff_only", hint: null } }),
  );
  await page.getByRole("button", { name: "Stop and take over" }).click();
  await page.getByText("That did not work").waitFor();
  await worker.write("And more.");
  await said(page, "And more.").waitFor();
  await page.getByRole("button", { name: "Stop and take over" }).waitFor();
});
