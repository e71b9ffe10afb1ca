// Where one is led: to the first unread message, to what a search found, and to what waits for a human.
import { deepEqual, equal, ok } from "node:assert/strict";
import { afterEach, before, test } from "node:test";

import { eventually, isLive, open, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, insert, read, update, visitor } from "./project.mjs";

let ada;
let url;
let page;
before(async () => {
  ada = await account("Ada Agent", "agent");
  ada.session = await sessionOf(ada);
  url = await serve();
  page = await openAs(ada, "#/all", { url, isShared: true });
});
afterEach(async () => {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  deepEqual(page.troubles, []);
});

const isInSight = (locator) =>
  eventually(() =>
    locator.evaluate((element) => {
      const box = element.closest("#messages").getBoundingClientRect();
      const { top, bottom } = element.getBoundingClientRect();
      return top >= box.top && bottom <= box.bottom;
    }),
  );

/** A conversation of so many messages, of which the team has read some. */
async function long(count, readUpTo, textOf = (at) => `Line ${at}.`) {
  const { id } = await visitor(textOf(1), "Lena Long");
  await update(`conversations?id=eq.${id}`, { requires_human: true });
  const rows = Array.from({ length: count - 1 }, (_, at) => ({
    conversation_id: id,
    sender_type: at % 3 ? "user" : "agent",
    content: textOf(at + 2),
  }));
  await insert("messages", rows);
  await update(`conversations?id=eq.${id}`, { agent_read_position: readUpTo });
  return id;
}

test("a conversation opens at the first unread message, however far back that is", async () => {
  await page.goto(`${url}#/all`);
  const id = await long(260, 100);
  await page.locator(`#row-${id}`).getByText("160 unread").waitFor({ state: "attached" });
  await page.goto(`${url}#/all/${id}`);
  await isInSight(said(page, "Line 101."));
  await isInSight(page.getByRole("region", { name: "Conversation" }).getByText("New", { exact: true }));
  equal((await read(`conversations?id=eq.${id}`))[0].agent_read_position, 100);
  await page.getByRole("button", { name: /To the newest/ }).click();
  await isInSight(said(page, "Line 260."));
  await eventually(async () => (await read(`conversations?id=eq.${id}`))[0].agent_read_position === 260);
});

test("a search leads to the place, and a link to it leads a colleague there", async () => {
  const word = `w${Math.random().toString(36).slice(2)}`;
  const id = await long(200, 200, (at) => (at === 40 ? `Here is ${word} at last.` : `Line ${at}.`));
  await page.goto(`${url}#/all?q=${word}`);
  await page.locator(`#row-${id}`).click();
  await isInSight(said(page, word));
  ok(/at=40/.test(page.url()), page.url());
  equal(await page.getByRole("button", { name: /To the newest/ }).count(), 1);
  await page.reload();
  await isInSight(said(page, word));
  await page.evaluate((hash) => (location.hash = hash), `#/all/${id}`);
  await isInSight(said(page, "Line 200."));
});

test("a search has more than a page of hits", async () => {
  const word = `w${Math.random().toString(36).slice(2)}`;
  for (let at = 0; at < 6; at += 1) await Promise.all(Array.from({ length: 10 }, () => visitor(`${word} again`)));
  await page.goto(`${url}#/all?q=${word}`);
  await page.locator("main li").first().waitFor();
  const list = page.locator("main li a").first().locator("xpath=ancestor::div[1]");
  await eventually(async () => {
    await list.evaluate((box) => (box.scrollTop = box.scrollHeight));
    return (await page.locator("main li[aria-setsize='60']").count()) > 0;
  });
});

/** What would have been shown by the system, and whether a sound was heard. */
function watched() {
  window.alerts = [];
  window.shown = {};
  window.sounds = 0;
  window.Notification = class {
    static permission = "default";
    static requestPermission = async () => (this.permission = window.answer ?? "granted");
    constructor(title, options) {
      window.alerts.push({ title, ...options });
      window.shown[options.tag] = this;
    }
    close() {}
  };
  const { AudioContext } = window;
  window.AudioContext = class extends AudioContext {
    constructor() {
      super();
      window.sounds += 1;
    }
  };
  document.hasFocus = () => window.isFocused ?? false;
}

test("what waits for a human is told by the system and a sound, to who wants it, and once", async () => {
  const own = await open("about:blank");
  await own.addInitScript(([key, value]) => localStorage.setItem(key, value), ["sb-127-auth-token", JSON.stringify(await sessionOf(ada))]);
  await own.addInitScript(watched);
  await own.goto(`${url}#/all`);
  await isLive(own);
  // Of one conversation: those of other tests are handed over meanwhile.
  const alertsOf = ({ id }) => own.evaluate((tag) => window.alerts.filter((each) => each.tag === tag), id);
  const hand = async (name, text) => {
    const customer = await visitor(text, name);
    await update(`conversations?id=eq.${customer.id}`, { requires_human: true, handed_over_at: new Date().toISOString() });
    return customer;
  };
  const nobody = await hand("Nora Nobody", "Nobody asked for it");
  await own.locator(`#row-${nobody.id}`).getByText(/waiting/).waitFor();
  deepEqual([await alertsOf(nobody), await own.evaluate(() => window.sounds)], [[], 0]);
  await own.getByRole("button", { name: "Ada Agent" }).click();
  await own.getByRole("switch", { name: "Desktop notifications" }).check();
  await own.getByRole("switch", { name: "Sound" }).check();
  await own.keyboard.press("Escape");
  const wanda = await hand("Wanda Waits", "I want <b>somebody</b>");
  await eventually(async () => (await alertsOf(wanda)).length === 1);
  const [told] = await alertsOf(wanda);
  deepEqual([told.title, told.body], ["Wanda Waits", "I want <b>somebody</b>"]);
  await eventually(() => own.evaluate(() => window.sounds > 0));
  await update(`conversations?id=eq.${wanda.id}`, { tags: ["seen"] }); // the same wait
  await own.locator(`#row-${wanda.id}`).waitFor();
  await own.evaluate((tag) => window.shown[tag].onclick(), wanda.id);
  await said(own, "I want <b>somebody</b>").waitFor();
  equal((await alertsOf(wanda)).length, 1);
  await own.evaluate(() => (window.isFocused = true));
  const fay = await hand("Fay Focused", "You are looking anyway");
  await own.locator(`#row-${fay.id}`).getByText(/waiting/).waitFor();
  deepEqual(await alertsOf(fay), []);
  deepEqual(own.troubles, []);
});

test("how many wait is in the tab's title and on its icon", async () => {
  const { id } = await visitor("Is somebody there?");
  await update(`conversations?id=eq.${id}`, { requires_human: true });
  await page.goto(`${url}#/waiting`);
  await eventually(async () => /^\(\d+\) /.test(await page.title()));
  const icon = () => page.locator("link[rel=icon]").getAttribute("href");
  await eventually(async () => (await icon()).startsWith("blob:"));
});
