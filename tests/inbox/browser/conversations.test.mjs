// The list and the open conversation: nothing is missed, lost, doubled or moved.
import { deepEqual, equal, ok } from "node:assert/strict";
import { afterEach, before, test } from "node:test";

import { eventually, isLive, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, call, insert, read, update, visitor, workerOf } from "./project.mjs";

let ada;
let bo;
let url;
let page;
before(async () => {
  [ada, bo] = await Promise.all([account("Ada Agent", "agent"), account("Bo Berg", "admin")]);
  [ada.session, bo.session] = await Promise.all([sessionOf(ada), sessionOf(bo)]);
  url = await serve();
  page = await openAs(ada, "#/all", { url, isShared: true });
});
afterEach(() => page.unrouteAll({ behavior: "ignoreErrors" }));

const inConversation = (page) => page.getByRole("region", { name: "Conversation" });
const reply = (page) => page.getByRole("textbox", { name: "Reply" });
const storedBy = (id, who) => read(`messages?conversation_id=eq.${id}&sender_type=eq.${who}&order=position`);

async function opened(text = "Hello there") {
  const customer = await visitor(text);
  await page.goto(`${url}#/all/${customer.id}`);
  await said(page, text).waitFor();
  await isLive(page);
  return customer;
}

test("what a customer writes is seen by itself, in the list and in the conversation", async () => {
  const { say, id } = await opened();
  await say("And one thing more");
  await said(page, "And one thing more").waitFor();
  await page.locator(`#row-${id}`).getByText("And one thing more").waitFor();
  deepEqual(page.troubles, []);
});

test("a text is text, whatever is in it; links are links of the web alone", async () => {
  await opened("<img src=x onerror=window.pwned=1> javascript:alert(1) https://example.com/a_(b). x");
  equal(await page.evaluate(() => window.pwned), undefined);
  equal(await inConversation(page).locator("article img").count(), 0);
  const link = inConversation(page).locator("article a");
  equal(await link.count(), 1);
  equal(await link.getAttribute("href"), "https://example.com/a_(b)");
  ok(/noopener/.test(await link.getAttribute("rel")));
  deepEqual(page.troubles, []);
});

test("markup is text wherever it comes from: names, previews, notes, tags, search, files, drafts, toasts", async () => {
  const evil = (where) => `<img src=x onerror="window.pwned='${where}'">`;
  const word = `w${Math.random().toString(36).slice(2)}`;
  const customer = await visitor(`${word} ${evil("message")}`, evil("name"));
  const { id } = customer;
  const [row] = await update(`conversations?id=eq.${id}`, { tags: ["<img src=x onerror=alert(1)>"] });
  await update(`customer_profiles?id=eq.${row.customer_id}`, { email: `${evil("mail")}@example.com`, company: evil("company") });
  await insert("conversation_notes", { conversation_id: id, author_id: ada.id, content: evil("note") });
  await page.goto(`${url}#/all/${id}?q=${word}`);
  await page.locator(`#row-${id} mark`).waitFor(); // the excerpt
  await said(page, word).waitFor();
  await page.getByRole("article", { name: /^Note/ }).getByText("<img src=x").waitFor();
  await isLive(page);
  const worker = await workerOf(id);
  await worker.begin();
  await worker.write(evil("draft"));
  await said(page, "='draft'").waitFor();
  await page.route("**/rpc/take_over_conversation", (route) =>
    route.fulfill({ status: 400, json: { code: "PT400", message: evil("toast"), details: "x", hint: null } }),
  );
  await page.getByRole("button", { name: "Stop and take over" }).click();
  await page.getByText("='toast'").waitFor();
  await worker.settle({ ai_response: evil("answer"), confidence: 0.9 });
  await said(page, "='answer'").waitFor();
  await page.goto(`${url}#/all/${id}`);
  await page.locator(`#row-${id}`).getByText("='answer'").waitFor(); // the preview
  await page.locator(`#row-${id}`).getByText("='name'").waitFor();
  const file = { name: evil("file"), content_type: "image/png", size: 1 };
  const mail = { attachment: file, subject: evil("subject") };
  await insert("messages", { conversation_id: id, sender_type: "agent", content: "", media_url: `${id}/${id}.png`, metadata: mail });
  await said(page, "='file'").waitFor();
  equal(await page.evaluate(() => window.pwned), undefined);
  equal(await page.locator("img[src=x], [onerror]").count(), 0);
  deepEqual(page.troubles, []);
});

test("no text holds the screen, however long and strange", async () => {
  const { id } = await opened();
  const content = ["http://x/" + ")".repeat(40_000), "a.".repeat(20_000), "the end"].join(" ");
  await insert("messages", { conversation_id: id, sender_type: "agent", content });
  await said(page, "the end").waitFor();
});

test("a reply is on the screen at once, and stored once", async () => {
  const { id } = await opened();
  let answer;
  await page.route("**/rest/v1/messages*", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    await new Promise((resolve) => (answer = resolve));
    await route.continue();
  });
  await reply(page).fill("Here you are");
  await reply(page).press("Enter");
  await said(page, "Sending").waitFor();
  equal(await reply(page).inputValue(), "");
  await eventually(() => answer);
  answer();
  await eventually(async () => (await storedBy(id, "agent")).length === 1);
  await eventually(async () => (await said(page, "Sending").count()) === 0);
  equal(await said(page, "Here you are").count(), 1);
});

test("a reply whose answer gets lost is one message", async () => {
  const { id } = await opened();
  let lost = 0;
  await page.route("**/rest/v1/messages*", async (route) => {
    if (route.request().method() !== "POST" || lost++ > 0) return route.continue();
    await route.fetch(); // it is stored
    await route.abort("connectionreset");
  });
  await reply(page).fill("Only once, please");
  await reply(page).press("Enter");
  await eventually(async () => (await said(page, "Sending").count()) === 0);
  equal((await storedBy(id, "agent")).length, 1);
  equal(await said(page, "Only once, please").count(), 1);
});

test("what the project refuses says why, and is sent again, edited or discarded", async () => {
  const { id } = await opened();
  const refuse = async (route) =>
    route.request().method() === "POST"
      ? route.fulfill({ status: 403, json: { code: "42501", message: "no", details: null, hint: null } })
      : route.continue();
  await page.route("**/rest/v1/messages*", refuse);
  for (const text of ["First", "Second", "Third"]) {
    await reply(page).fill(text);
    await reply(page).press("Enter");
  }
  const failed = inConversation(page).locator("article").filter({ hasText: "Not sent. The project refused it." });
  await eventually(async () => (await failed.count()) === 3);
  await page.unroute("**/rest/v1/messages*", refuse);
  await failed.filter({ hasText: "Third" }).getByRole("button", { name: "Discard" }).click();
  await failed.filter({ hasText: "Second" }).getByRole("button", { name: "Edit" }).click();
  equal(await reply(page).inputValue(), "Second");
  await failed.filter({ hasText: "First" }).getByRole("button", { name: "Try again" }).click();
  await eventually(async () => (await storedBy(id, "agent")).length > 0);
  await eventually(async () => (await failed.count()) === 0);
  const stored = await eventually(async () => (await storedBy(id, "agent")).map(({ content }) => content));
  deepEqual(stored, ["First"]);
});

test("without a connection a reply waits, and goes out by itself", async () => {
  const { id } = await opened();
  await page.context().setOffline(true);
  await page.getByText(/Offline since/).waitFor();
  await reply(page).fill("From the train");
  await reply(page).press("Enter");
  await said(page, /Waiting for the connection|Sending/).waitFor();
  await page.context().setOffline(false);
  await eventually(async () => (await storedBy(id, "agent")).length === 1, 30_000);
  await eventually(async () => (await said(page, /Waiting for|Sending/).count()) === 0);
  equal(await said(page, "From the train").count(), 1);
});

test("whoever answered while a reply was written is shown before it is sent", async () => {
  const { id } = await opened();
  await reply(page).fill("My answer");
  await insert("messages", { conversation_id: id, sender_type: "agent", content: "Mine was first" }, bo.session.access_token);
  await said(page, "Mine was first").waitFor();
  await reply(page).press("Enter");
  await page.getByText("Bo Berg answered while you wrote. Send anyway?").waitFor();
  equal((await storedBy(id, "agent")).length, 1);
  await page.getByRole("button", { name: "Keep writing" }).click();
  await reply(page).press("Enter"); // it asks once
  await eventually(async () => (await storedBy(id, "agent")).length === 2);
});

test("a note is the team's alone, looks like one, and is removed by who wrote it", async () => {
  const { id, token } = await opened();
  await page.keyboard.press("Escape");
  await page.getByRole("radio", { name: "Note" }).check();
  const field = page.getByRole("textbox", { name: "Note" });
  await field.fill("She is a friend of the house");
  await page.getByRole("radio", { name: "Reply" }).check();
  equal(await reply(page).inputValue(), ""); // a draft of its own
  await page.getByRole("radio", { name: "Note" }).check();
  await field.press("Enter");
  await page.getByRole("article", { name: "Note by Ada Agent" }).getByText("She is a friend").waitFor();
  equal((await storedBy(id, "agent")).length, 0);
  deepEqual(await read(`conversation_notes?conversation_id=eq.${id}`, token), []);
  await page.getByRole("button", { name: "Remove the note" }).click();
  await eventually(async () => (await read(`conversation_notes?conversation_id=eq.${id}`)).length === 0);
  await page.getByRole("radio", { name: "Reply" }).check();
});

test("Enter of an input method does not send, and Enter alone only where it is set", async () => {
  const { id } = await opened();
  await reply(page).fill("にほん");
  await reply(page).evaluate((field) =>
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true })),
  );
  await page.getByRole("button", { name: "Enter sends" }).click();
  await reply(page).press("Enter");
  equal(await reply(page).inputValue(), "にほん\n");
  equal((await storedBy(id, "agent")).length, 0);
  await reply(page).press("Control+Enter");
  await eventually(async () => (await storedBy(id, "agent")).length === 1);
});

/** One at least: those of other tests may be handed over meanwhile. */
const NEWS = /^\d+ new$/;

test("what is new moves no row under the pointer, nor the one that has the focus", async () => {
  const people = {};
  for (const name of ["Max", "Nell", "Owen", "Pia"]) people[name] = await visitor("Hi", name);
  await page.goto(`${url}#/all`);
  await isLive(page);
  const row = page.locator(`#row-${people.Owen.id}`);
  const place = async () => Math.round((await row.boundingBox()).y);
  const byPointer = () => row.hover();
  const byKeyboard = async () => {
    await page.mouse.move(900, 600);
    await page.keyboard.press("Tab");
    await row.focus();
  };
  for (const [take, below] of [[byPointer, people.Nell], [byKeyboard, people.Max]]) {
    await take();
    const before = await place();
    await below.say("Up with me");
    await page.locator(`#row-${below.id}`).getByText("Up with me").waitFor();
    await page.getByText(NEWS).waitFor();
    equal(await place(), before);
  }
  await page.getByText(NEWS).click();
  const placeOf = async (id) => Math.round((await page.locator(`#row-${id}`).boundingBox()).y);
  await eventually(async () => (await placeOf(people.Max.id)) < (await placeOf(people.Nell.id)));
  ok((await placeOf(people.Nell.id)) < (await place()));
});

test("back gives the list as it was left, with the focus where it was", async () => {
  for (let count = 0; count < 12; count += 1) await visitor(`Number ${count}`);
  await page.setViewportSize({ width: 360, height: 640 });
  await page.goto(`${url}#/all`);
  await page.locator("main li a").nth(8).waitFor();
  const list = page.locator("main li a").first().locator("xpath=ancestor::div[1]");
  await list.evaluate((box) => (box.scrollTop = 300));
  const row = page.locator("main li a").nth(6);
  const id = await row.getAttribute("id");
  await row.click();
  await reply(page).waitFor();
  await page.getByRole("button", { name: "Back to the list" }).click();
  await eventually(() => page.evaluate((wanted) => document.activeElement.id === wanted, id));
  equal(await list.evaluate((box) => box.scrollTop), 300);
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("search finds what was said before, and shows where", async () => {
  const { id, say } = await opened("My kettle whistles in the key of gis");
  await say("Never mind.");
  await page.getByRole("searchbox", { name: "Search" }).fill("whistles");
  const found = page.locator(`#row-${id}`);
  await found.getByText("whistles").waitFor();
  equal(await found.locator("mark").innerText(), "whistles");
  await page.getByRole("searchbox", { name: "Search" }).fill("whistles nowhere at all");
  await page.getByText("Nothing found").waitFor();
  await page.getByRole("button", { name: "Clear the search" }).click();
});

test("the address has all that is shown", async () => {
  const { id } = await opened("Findable words");
  await page.goto(`${url}#/all/${id}?q=Findable&channel=website`);
  await page.locator(`#row-${id}`).waitFor();
  equal(await page.getByLabel("Search", { exact: true }).inputValue(), "Findable");
  await page.getByRole("combobox", { name: "Channel" }).selectOption("email");
  await page.getByText("Nothing found").waitFor();
  await page.goBack();
  await page.locator(`#row-${id}`).waitFor();
  await page.goto(`${url}#/all/00000000-0000-4000-8000-000000000000`);
  await page.getByText("There is no such conversation").waitFor();
  deepEqual(page.troubles, []);
});

test("a long conversation is light, opens at its end, and its history moves nothing", async () => {
  const { id } = await visitor("The first of many");
  await update(`conversations?id=eq.${id}`, { requires_human: true });
  const rows = Array.from({ length: 300 }, (_, at) => ({
    conversation_id: id,
    sender_type: at % 3 ? "user" : "agent",
    content: `Line ${at}. ${"Some more words of it. ".repeat(at % 7)}`,
  }));
  await insert("messages", rows);
  await call("mark_conversation_read", { conversation_id: id }, ada.session.access_token);
  await page.goto(`${url}#/all/${id}`);
  await said(page, "Line 299.").waitFor();
  ok((await page.locator("*").count()) <= 1_500);
  const box = page.getByLabel("Conversation", { exact: true }).locator("visible=true").locator("div[tabindex]").first();
  let moved = 0;
  for (let page_ = 0; page_ < 4; page_ += 1) {
    moved = Math.max(moved, await box.evaluate(scrollUp));
  }
  ok(moved <= 1, `moved by ${moved} px`);
});

/** Scroll to where history is loaded; return by how much what is read moved meanwhile. */
async function scrollUp(box) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  for (let step = 0; box.scrollTop > 620 && step < 200; step += 1) {
    box.scrollTop -= 200;
    await frame();
  }
  const items = () => [...box.querySelectorAll("article")].map((each) => [each.textContent, each.getBoundingClientRect().top]);
  box.scrollTop = 500;
  await frame();
  await frame();
  const seen = items().find(([, top]) => top > box.getBoundingClientRect().top + 50);
  let moved = 0;
  for (let at = 0; at < 60; at += 1) {
    await frame();
    const now = items().find(([text]) => text === seen[0]);
    if (now) moved = Math.max(moved, Math.abs(now[1] - seen[1]));
  }
  return moved;
}
