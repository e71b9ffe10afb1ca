// What was begun is on each device of whoever began it, and nothing that was typed is lost or overwritten.
import { deepEqual, equal, ok } from "node:assert/strict";
import { afterEach, before, test } from "node:test";

import { eventually, isLive, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, read, visitor } from "./project.mjs";

let ada;
let url;
let desk;
let phone;
before(async () => {
  ada = await account("Ada Agent", "agent");
  const sessions = [await sessionOf(ada), await sessionOf(ada)];
  ada.token = sessions[0].access_token;
  url = await serve();
  [desk, phone] = await Promise.all(sessions.map((session) => openAs({ session }, "#/all", { url, isShared: true })));
});
afterEach(async () => {
  await Promise.all([desk, phone].map((page) => page.unrouteAll({ behavior: "ignoreErrors" })));
  deepEqual([desk.troubles, phone.troubles], [[], []]);
});

const reply = (page) => page.getByRole("textbox", { name: "Reply" });
const kept = (id) => read(`message_drafts?conversation_id=eq.${id}&select=content,mode`, ada.token);
const isKept = (id, content) => eventually(async () => (await kept(id))[0]?.content === content);
const has = (page, text) => eventually(async () => (await reply(page).inputValue()) === text);

async function openedOn(...pages) {
  const customer = await visitor("Where is my parcel?");
  for (const page of pages) {
    await page.goto(`${url}#/all/${customer.id}`);
    await said(page, "Where is my parcel?").waitFor();
    await isLive(page);
  }
  return customer;
}

test("what is written here is there, in the list and in the field, and gone once it is sent", async () => {
  const { id } = await openedOn(desk);
  await phone.goto(`${url}#/all`);
  await isLive(phone);
  await reply(desk).fill("Dear Ada");
  await isKept(id, "Dear Ada");
  await phone.locator(`#row-${id}`).getByText("Dear Ada").waitFor();
  await phone.goto(`${url}#/all/${id}`);
  await has(phone, "Dear Ada");
  await reply(phone).fill("Dear Ada, it is on its way.");
  await has(desk, "Dear Ada, it is on its way.");
  await reply(desk).press("Enter");
  await said(phone, "it is on its way.").waitFor();
  await has(phone, "");
  await has(desk, "");
  deepEqual(await kept(id), []);
});

test("a note and a reply are two drafts, and what is emptied is removed", async () => {
  const { id } = await openedOn(desk);
  await reply(desk).fill("To her");
  await desk.getByRole("radio", { name: "Note" }).check();
  await desk.getByRole("textbox", { name: "Note" }).fill("About her");
  await eventually(async () => (await kept(id)).length === 2);
  await desk.getByRole("textbox", { name: "Note" }).fill("");
  await desk.getByRole("radio", { name: "Reply" }).check();
  await has(desk, "To her");
  await eventually(async () => (await kept(id)).length === 1);
  deepEqual(await kept(id), [{ content: "To her", mode: "reply" }]);
  await reply(desk).fill("");
  await eventually(async () => (await kept(id)).length === 0);
});

test("what another device wrote meanwhile is shown, and never overwritten by itself", async () => {
  const { id } = await openedOn(desk, phone);
  for (const [choice, stays] of [["Use that", "From the phone"], ["Keep mine", "From the desk"]]) {
    await reply(desk).fill("Begun");
    await has(phone, "Begun");
    await desk.context().setOffline(true);
    await reply(desk).fill("From the desk");
    await reply(phone).fill("From the phone");
    await isKept(id, "From the phone");
    await desk.context().setOffline(false);
    await desk.getByText(/You wrote this on another device/).waitFor();
    await desk.getByText("From the phone").last().waitFor();
    equal((await kept(id))[0].content, "From the phone");
    equal(await reply(desk).inputValue(), "From the desk");
    await desk.getByRole("button", { name: choice }).click();
    await isKept(id, stays);
    await has(phone, stays);
    await reply(desk).fill("");
    await has(phone, "");
  }
});

test("a reload, without a connection too, loses nothing that was typed", async () => {
  const { id } = await openedOn(desk);
  await desk.route("**/rpc/save_draft", (route) => route.abort());
  await reply(desk).fill("Not kept yet");
  await desk.reload();
  await has(desk, "Not kept yet");
  await desk.unroute("**/rpc/save_draft");
  await isKept(id, "Not kept yet");
});

test("a reply on its way survives a reload, and is stored once", async () => {
  const { id } = await openedOn(desk);
  const lost = (route) => (route.request().method() === "POST" ? route.abort() : route.continue());
  await desk.route("**/rest/v1/messages*", lost);
  await reply(desk).fill("From the train");
  await reply(desk).press("Enter");
  await said(desk, "From the train").waitFor();
  await desk.unroute("**/rest/v1/messages*", lost);
  await desk.reload();
  await said(desk, "From the train").waitFor();
  const stored = () => read(`messages?conversation_id=eq.${id}&sender_type=eq.agent`);
  await eventually(async () => (await stored()).length > 0, 30_000);
  await eventually(async () => (await said(desk, /Sending|Waiting/).count()) === 0);
  equal((await stored()).length, 1);
  equal(await said(desk, "From the train").count(), 1);
});

test("what waits for a connection goes out, whichever conversation is open by then", async () => {
  const { id } = await openedOn(desk);
  const other = await visitor("Another one");
  await desk.context().setOffline(true);
  await desk.getByText(/Offline since/).waitFor();
  await reply(desk).fill("While I was away");
  await reply(desk).press("Enter");
  await said(desk, "While I was away").waitFor();
  await desk.evaluate((hash) => (location.hash = hash), `#/all/${other.id}`);
  await eventually(async () => (await said(desk, "While I was away").count()) === 0);
  await desk.waitForTimeout(100);
  await desk.context().setOffline(false);
  await eventually(async () => (await read(`messages?conversation_id=eq.${id}&sender_type=eq.agent`)).length === 1, 40_000);
});

test("whoever signs out leaves no text behind in the browser", async () => {
  const page = await openAs(ada, "", { url });
  const { id } = await visitor("Hello?");
  await page.goto(`${url}#/all/${id}`);
  await reply(page).fill("Nobody's business");
  await page.getByRole("button", { name: "Ada Agent" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to the inbox" }).waitFor();
  const left = await page.evaluate(() => JSON.stringify(Object.entries(localStorage)));
  ok(!left.includes("Nobody's business"), left);
  await isKept(id, "Nobody's business");
});
