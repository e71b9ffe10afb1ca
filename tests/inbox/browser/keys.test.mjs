// By keyboard alone: one registry of actions, shown in the sheet and the palette, and nothing that anybody types is taken.
import { deepEqual, equal, ok } from "node:assert/strict";
import { afterEach, before, test } from "node:test";

import { eventually, isLive, open, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, read, update, visitor, workerOf } from "./project.mjs";

let ada;
let url;
let page;
before(async () => {
  ada = await account("Ada Agent", "agent");
  ada.session = await sessionOf(ada);
  url = await serve();
  page = await openAs(ada, "#/all", { url, isShared: true });
});
afterEach(() => page.unrouteAll({ behavior: "ignoreErrors" }));

const press = (key) => page.keyboard.press(key);
const reply = () => page.getByRole("textbox", { name: "Reply" });
const isFocused = (locator) => eventually(() => locator.evaluate((element) => element === document.activeElement));
const conversation = async (id) => (await read(`conversations?id=eq.${id}`))[0];

/** A few of our own, and nobody else's: the list is the same for each test. */
async function several(...names) {
  const word = `w${Math.random().toString(36).slice(2)}`;
  const all = [];
  for (const name of names) all.push(await visitor(`${word} from ${name}`, name));
  await update(`conversations?id=in.(${all.map(({ id }) => id)})`, { requires_human: true });
  await page.goto(`${url}#/all?q=${word}`);
  await eventually(async () => (await page.locator("main li").count()) === names.length);
  await isLive(page);
  return all.reverse(); // the latest first
}

test("j and k walk, r writes, Escape leaves the field, u goes back", async () => {
  const [first, second] = await several("Nell", "Owen");
  await page.locator("body").click({ position: { x: 900, y: 500 } });
  await press("j");
  await said(page, first.name).first().waitFor();
  await press("j");
  await said(page, second.name).first().waitFor();
  await press("k");
  await said(page, first.name).first().waitFor();
  await press("r");
  await isFocused(reply());
  await page.keyboard.type("jkte?/ąę@");
  equal(await reply().inputValue(), "jkte?/ąę@");
  await reply().fill("");
  await press("Escape");
  await press("u");
  await isFocused(page.locator(`#row-${first.id}`));
  await press("ArrowDown");
  await isFocused(page.locator(`#row-${second.id}`));
  await press("Enter");
  await said(page, second.name).first().waitFor();
});

test("e resolves and goes on, and z takes it back within five seconds", async () => {
  const [first, second] = await several("Pia", "Quin");
  await page.goto(page.url().replace("#/all", `#/all/${first.id}`));
  await said(page, first.name).first().waitFor();
  await press("e");
  await said(page, second.name).first().waitFor();
  equal((await conversation(first.id)).status, "resolved");
  await page.getByRole("button", { name: "Undo" }).waitFor();
  await press("z");
  await eventually(async () => (await conversation(first.id)).status === "active");
  equal((await conversation(first.id)).requires_human, true);
  await said(page, first.name).first().waitFor();
});

test("t takes over, a and p open their choice, l adds a tag", async () => {
  const [one] = await several("Rosa");
  await update(`conversations?id=eq.${one.id}`, { requires_human: false });
  await page.goto(page.url().replace("#/all", `#/all/${one.id}`));
  await said(page, "Rosa").first().waitFor();
  await page.getByRole("button", { name: "Take over from the AI" }).waitFor();
  await press("t");
  await eventually(async () => (await conversation(one.id)).assigned_agent_id === ada.id);
  await isFocused(reply());
  await press("Escape");
  await page.getByRole("combobox", { name: "Priority" }).selectOption("high");
  await eventually(async () => (await conversation(one.id)).priority === "high");
  await page.getByRole("combobox", { name: "Assignee" }).selectOption("");
  await eventually(async () => (await conversation(one.id)).assigned_agent_id === null);
  await page.getByRole("button", { name: "Undo" }).click();
  await eventually(async () => (await conversation(one.id)).assigned_agent_id === ada.id);
  await page.getByRole("heading", { name: "Rosa" }).first().click();
  await press("l");
  await page.keyboard.type("vip");
  await press("Enter");
  await eventually(async () => (await conversation(one.id)).tags.includes("vip"));
});

/** Not before the one of before is gone: no key is an action while a dialog is open. */
async function openPalette() {
  await eventually(async () => (await page.locator("dialog[open]").count()) === 0);
  await press("Control+k");
  await page.locator("dialog[open]").waitFor();
}

test("the palette finds an action by its words, and does it", async () => {
  await several("Sam");
  await openPalette();
  await page.keyboard.type("app dark");
  await press("Enter");
  await eventually(() => page.evaluate(() => document.documentElement.dataset.theme === "dark"));
  await openPalette();
  await page.keyboard.type("arab");
  equal(await page.getByRole("option").count(), 0);
  await page.keyboard.press("Control+a");
  await page.keyboard.type("العر");
  await press("Enter");
  await eventually(() => page.evaluate(() => document.documentElement.dir === "rtl"));
  await openPalette();
  await page.keyboard.type("English");
  await press("Enter");
  await eventually(() => page.evaluate(() => document.documentElement.lang === "en"));
});

test("the sheet names each key once, none with Alt, and turns single keys off", async () => {
  const [first] = await several("Tom");
  await page.goto(page.url().replace("#/all", `#/all/${first.id}`));
  await said(page, "Tom").first().waitFor();
  await page.getByRole("heading", { name: "Tom" }).first().click();
  await press("?");
  const keys = await page.locator("dialog dd").allInnerTexts();
  ok(keys.length > 10);
  equal(new Set(keys).size, keys.length);
  ok(!keys.join().includes("Alt"));
  await page.getByRole("switch").uncheck();
  await press("Escape");
  await press("e");
  await press("Control+k"); // combinations work
  await page.getByRole("combobox", { name: "Type what you want to do" }).waitFor();
  await press("Escape");
  equal((await conversation(first.id)).status, "active");
  await page.evaluate(() => localStorage.removeItem("romashka.inbox"));
  await page.reload();
});

test("ą, ę and @ typed with Option or AltGr do nothing but type", async () => {
  const [first] = await several("Uma");
  await page.goto(page.url().replace("#/all", `#/all/${first.id}`));
  await said(page, "Uma").first().waitFor();
  await page.getByRole("heading", { name: "Uma" }).first().click();
  for (const key of ["e", "t", "r", "j"]) await press(`Alt+${key}`);
  const taken = await page.evaluate(() => {
    const keys = [
      { key: "ą", code: "KeyA", altKey: true }, // Option of a Mac
      { key: "e", code: "KeyE", altKey: true },
      { key: "ę", code: "KeyE", ctrlKey: true, altKey: true, modifierAltGraph: true }, // AltGr of Windows
      { key: "k", code: "KeyK", ctrlKey: true, altKey: true, modifierAltGraph: true },
      { key: "@", code: "KeyQ", ctrlKey: true, altKey: true, modifierAltGraph: true },
      { key: "@", code: "KeyQ", modifierAltGraph: true }, // and of Linux
      { key: "ę", code: "KeyE", modifierAltGraph: true },
    ];
    const pressed = (target, init) =>
      !target.dispatchEvent(new KeyboardEvent("keydown", { ...init, bubbles: true, cancelable: true }));
    const targets = [document.body, document.getElementById("messages"), document.getElementById("composer")];
    return targets.flatMap((target) => keys.filter((init) => pressed(target, init)).map(({ key }) => `${target.id} ${key}`));
  });
  deepEqual(taken, []);
  equal(await page.locator("dialog[open]").count(), 0);
  equal((await conversation(first.id)).status, "active");
  equal((await conversation(first.id)).assigned_agent_id, null);
  deepEqual(page.troubles, []);
});

/** Press Tab until something has the focus. */
async function tabTo(locator, most = 60) {
  for (let count = 0; count < most; count += 1) {
    if (await locator.evaluate((element) => element === document.activeElement).catch(() => false)) return;
    await press("Tab");
  }
  throw new Error(`Tab does not lead to ${locator}`);
}

test("a day's work without a mouse: in, find, read, take over, answer, note, assign, tag, resolve, out", async () => {
  const word = `w${Math.random().toString(36).slice(2)}`;
  const customer = await visitor(`${word} Where is my parcel?`, "Wilma");
  page = await open(url, { isShared: true }); // of its own: it signs in and out
  await tabTo(page.getByLabel("E-mail", { exact: true }));
  await page.keyboard.type(ada.email);
  await press("Tab");
  await page.keyboard.type(ada.password);
  await press("Enter");
  await page.getByRole("navigation", { name: "Views" }).waitFor();
  await press("/");
  await isFocused(page.getByRole("searchbox", { name: "Search" }));
  await page.keyboard.type(word);
  const row = page.locator(`#row-${customer.id}`);
  await row.locator("mark").waitFor();
  await tabTo(row);
  await press("Enter");
  await said(page, "Where is my parcel?").waitFor();
  await press("t");
  await eventually(async () => (await conversation(customer.id)).assigned_agent_id === ada.id);
  await isFocused(reply());
  await page.keyboard.type("It is at your neighbour's.");
  await press("Enter");
  await said(page, "It is at your neighbour's.").waitFor();
  await press("Escape");
  await press("n");
  await page.keyboard.type("She was friendly");
  await press("Enter");
  const note = page.getByRole("article", { name: /^Note/ });
  await note.waitFor();
  await tabTo(page.getByRole("radio", { name: "Note" }));
  await press("ArrowLeft");
  await isFocused(page.getByRole("radio", { name: "Reply" }));
  await press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await press("p");
  await isFocused(page.getByRole("combobox", { name: "Priority" }));
  await press("ArrowUp");
  await press("Enter");
  await eventually(async () => (await conversation(customer.id)).priority === "high");
  await press("Tab");
  await page.evaluate(() => document.activeElement.blur());
  await press("l");
  await page.keyboard.type("neighbour");
  await press("Enter");
  await eventually(async () => (await conversation(customer.id)).tags.includes("neighbour"));
  await page.evaluate(() => document.activeElement.blur());
  await press("e");
  await eventually(async () => (await conversation(customer.id)).status === "resolved");
  await tabTo(page.getByRole("button", { name: "Ada Agent" }));
  await press("Enter");
  await tabTo(page.getByRole("button", { name: "Sign out" }));
  await press("Enter");
  await page.getByRole("heading", { name: "Sign in to the inbox" }).waitFor();
  deepEqual(page.troubles, []);
});

test("a screen reader hears each new message once, that the AI writes, and no piece of what it writes", async () => {
  page = await openAs(ada, "", { url, isShared: true });
  const { id, say } = await visitor("Vic asks for a parcel", "Vic");
  await page.goto(`${url}#/all/${id}`);
  await said(page, "Vic asks").waitFor();
  await isLive(page);
  const log = page.getByRole("log");
  equal(await log.innerText(), "");
  await page.evaluate(() => {
    globalThis.heard = [];
    const hear = (records) => records.forEach(({ addedNodes, target }) =>
      (addedNodes.length ? [...addedNodes] : [target]).forEach((node) => globalThis.heard.push(node.textContent)));
    for (const region of document.querySelectorAll("[role=log], [role=status], [role=alert], [aria-live]"))
      new MutationObserver(hear).observe(region, { childList: true, characterData: true, subtree: true });
  });
  const worker = await workerOf(id);
  await worker.begin();
  for (const piece of ["It is ", "on its ", "way."]) await worker.write(piece);
  await said(page, "It is on its way.").waitFor();
  await worker.settle({ ai_response: "It is on its way.", confidence: 0.9 });
  await eventually(async () => /on its way/.test(await log.textContent()));
  await say("Are you there?");
  await eventually(async () => /Are you there/.test(await log.textContent()));
  const heard = (await page.evaluate(() => globalThis.heard)).filter(Boolean);
  deepEqual(heard.filter((text) => /It is|on its|Are you/.test(text)), ["AI: It is on its way.", "Vic: Are you there?"]);
  ok(heard.includes("The AI is writing"), heard.join(" | "));
});
