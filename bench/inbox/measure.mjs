// What bench/inbox.py measures in Chromium: each part prints its figures, a line of JSON each.
import { setTimeout as pause } from "node:timers/promises";

import { chromium } from "playwright-core";

import { account, ANON_KEY, insert, request, workerOf } from "../../tests/inbox/browser/project.mjs";
import { watch } from "./watch.mjs";

const { INBOX_URL, ONLY = "" } = process.env;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const BLANK = "blank.html";
const idOf = (number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const [LONG, STREAMED] = [1, 2];
const TEXT = "The quick brown fox jumps over the lazy dog, and asks where its parcel is. ";

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
const ada = await account("Ada Agent", "agent");
const session = await request("/auth/v1/token?grant_type=password", {
  token: ANON_KEY,
  body: { email: ada.email, password: ada.password },
});

/** Print a figure; `blank` is the same of a page with nothing in it. */
function tell(name, value, bar = null, { unit = "ms", blank = null } = {}) {
  console.log(JSON.stringify({ name, value, bar, unit, blank }));
}

async function open(path) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.channels = new Set();
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => note(page.channels, `${payload}`)));
  await page.addInitScript((kept) => localStorage.setItem("sb-127-auth-token", JSON.stringify(kept)), session);
  await page.addInitScript(watch);
  page.cdp = await context.newCDPSession(page);
  await page.cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(INBOX_URL + path);
  return page;
}

function note(channels, frame) {
  if (!frame.startsWith("[")) return;
  const [, , topic, event] = JSON.parse(frame);
  if (event === "phx_join") channels.add(topic);
  if (event === "phx_leave") channels.delete(topic);
}

/** Open a conversation, and wait until all that comes with it is there. */
async function openConversation(number, last = 30) {
  const page = await open(`#/all/${idOf(number)}`);
  await page.locator("article").getByText(`Line ${last} of ${number}.`).waitFor();
  await page.locator("[data-state=live], [data-state=again]").waitFor();
  await pause(1_000);
  return page;
}

const close = (page) => page.context().close();
const sorted = (values) => values.toSorted((one, other) => one - other);
const quantile = (values, share) => sorted(values)[Math.min(values.length - 1, Math.floor(share * values.length))];
const most = (values) => values.reduce((one, other) => Math.max(one, other), 0);

async function metric(page, name) {
  const { metrics } = await page.cdp.send("Performance.getMetrics");
  return metrics.find((each) => each.name === name).value;
}

const worked = async (page) => (await metric(page, "TaskDuration")) * 1_000;

async function heap(page) {
  await page.cdp.send("HeapProfiler.collectGarbage");
  return (await metric(page, "JSHeapUsedSize")) / 1_048_576;
}

const sameThread = ({ pid, tid }) => `${pid}/${tid}`;

/** Do something, and return what kept the page's thread longest: on the wall, and of the processor. */
async function blocked(page, act) {
  const categories = ["disabled-by-default-devtools.timeline", "toplevel", "__metadata"];
  await browser.startTracing(page, { categories });
  await act();
  const { traceEvents: events } = JSON.parse(await browser.stopTracing());
  const mains = events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  const main = new Set(mains.map(sameThread));
  const tasks = events.filter((event) => event.name === "RunTask" && main.has(sameThread(event)));
  return { wall: most(tasks.map(({ dur = 0 }) => dur)) / 1_000, cpu: most(tasks.map(({ tdur = 0 }) => tdur)) / 1_000 };
}

function tellBlocked(what, ours, blank) {
  tell(`${what}: the thread kept for`, ours.wall, 50, { blank: blank.wall });
  tell(`${what}: of it the processor's work`, ours.cpu, 50, { blank: blank.cpu });
}

/** Turn the wheel over a place, so often; `until` ends it. */
async function wheel(page, [x, y], by, times, until = async () => false) {
  await page.mouse.move(x, y);
  for (let turn = 0; turn < times && !(await until()); turn += 1) {
    await page.mouse.wheel(0, by);
    await pause(16);
  }
}

const MIDDLE = [900, 400];
const LEFT = [400, 500];

/** The same on a page with nothing in it. */
async function onBlank(act) {
  const page = await open(BLANK);
  const told = await act(page);
  await close(page);
  return told;
}

/** Type, and return the time from each key to its paint, as INP counts it: of fifty, one is left out. */
async function typed(page, field, text, speed = 1) {
  await page.cdp.send("Emulation.setCPUThrottlingRate", { rate: speed });
  await page.locator(field).fill(""); // a draft is kept for its next writer
  await page.evaluate(() => globalThis.watched.keys());
  await page.keyboard.type(text, { delay: 70 });
  await pause(500);
  const durations = sorted(await page.evaluate(() => globalThis.watched.durations()));
  await page.cdp.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  return durations.at(-1 - Math.floor(durations.length / 50)) ?? 8; // what is quicker than a frame is not told
}

const parts = {
  async load() {
    const [times, work, blank, blankWork] = [[], [], [], []];
    for (let round = 0; round < 5; round += 1) {
      for (const [path, look, all, works] of [
        [BLANK, "textarea", blank, blankWork],
        ["#/all", "main li a", times, work],
      ]) {
        const page = await open(path);
        all.push(await page.evaluate((selector) => globalThis.watched.painted(selector), look));
        works.push(await worked(page));
        await close(page);
      }
    }
    tell("first load until the list is there and answers", quantile(times, 0.5), 1_000, { blank: quantile(blank, 0.5) });
    tell("first load: the processor's work", quantile(work, 0.5), null, { blank: quantile(blankWork, 0.5) });
  },

  async switching() {
    const page = await openConversation(3);
    const to = async (number) => {
      const row = page.locator(`#row-${idOf(number)}`);
      await row.scrollIntoViewIfNeeded();
      const { x, y } = await row.boundingBox();
      await page.evaluate((text) => globalThis.watched.next("article", text), `Line 30 of ${number}.`);
      const before = await worked(page);
      await page.mouse.click(x + 60, y + 20);
      const wall = await page.evaluate(() => globalThis.watched.shown);
      const cpu = (await worked(page)) - before;
      await pause(700);
      return { wall, cpu };
    };
    const uncached = [];
    for (let number = 4; number < 16; number += 1) uncached.push(await to(number));
    const cached = [];
    for (let round = 0; round < 2; round += 1)
      for (let number = 15; number > 9; number -= 1) cached.push(await to(number));
    for (const [name, times, bar] of [
      ["switch to a conversation that was open before", cached, 50],
      ["switch to another one", uncached, 200],
    ]) {
      tell(`${name}, p50`, quantile(times.map(({ wall }) => wall), 0.5), bar);
      tell(`${name}, p95`, quantile(times.map(({ wall }) => wall), 0.95), bar);
      tell(`${name}: the processor's work, p50`, quantile(times.map(({ cpu }) => cpu), 0.5));
    }
    await close(page);
  },

  async typing() {
    const page = await openConversation(3);
    for (const [speed, bar, name] of [
      [1, 50, "full speed"],
      [4, 200, "a quarter of the speed"],
    ]) {
      const blank = await onBlank((empty) => typed(empty, "textarea", TEXT, speed));
      tell(`keystroke to paint (INP), ${name}`, await typed(page, "#composer", TEXT, speed), bar, { blank });
    }
    await close(page);
  },

  async messages() {
    const page = await openConversation(LONG, 5_000);
    const box = page.locator("#messages");
    await page.evaluate(() => globalThis.watched.nodes());
    let moved = 0;
    for (let round = 0; round < 8; round += 1) moved = Math.max(moved, await page.evaluate(() => globalThis.watched.history()));
    const isTop = () => box.evaluate((each) => each.scrollTop === 0 && /Beginning|begin/i.test(each.querySelector("p").textContent));
    const blank = await onBlank((empty) => blocked(empty, () => wheel(empty, MIDDLE, 3_000, 150)));
    const up = await blocked(page, () => wheel(page, MIDDLE, -2_500, 1_200, isTop));
    const isReached = await isTop();
    const down = await blocked(page, () => wheel(page, MIDDLE, 4_000, 150));
    tellBlocked("5,000 messages, loading and scrolling up", up, blank);
    tellBlocked("5,000 messages, scrolling down", down, blank);
    tell("5,000 messages: nodes on the page at most", await page.evaluate(() => globalThis.watched.mostNodes()), 1_500, { unit: "nodes" });
    tell("history that is loaded moves what is read by", moved, 1, { unit: "px" });
    tell("5,000 messages: the first one was reached (0: yes)", isReached ? 0 : 1, 0, { unit: "" });
    await close(page);
  },

  async rows() {
    const page = await open("#/all");
    await page.locator("main li a").nth(5).waitFor();
    await pause(1_000);
    await page.evaluate(() => globalThis.watched.nodes());
    const rowCount = () => page.evaluate(() => parseInt(document.querySelector("main ul[aria-label]").style.height) / 84);
    const blank = await onBlank((empty) => blocked(empty, () => wheel(empty, LEFT, 3_000, 150)));
    const down = await blocked(page, () => wheel(page, LEFT, 4_000, 2_000, async () => (await rowCount()) >= 10_000));
    const up = await blocked(page, () => wheel(page, LEFT, -6_000, 150));
    tellBlocked("10,000 conversations, loading and scrolling down", down, blank);
    tellBlocked("10,000 conversations, scrolling up", up, blank);
    tell("10,000 conversations: nodes on the page at most", await page.evaluate(() => globalThis.watched.mostNodes()), 1_500, { unit: "nodes" });
    tell("10,000 conversations: rows that were loaded", await rowCount(), null, { unit: "" });
    const before = await worked(page);
    await page.mouse.move(...LEFT);
    await pause(3_000);
    tell("the pointer rests on 10,000 conversations: the processor's work in 3 s", (await worked(page)) - before);
    await close(page);
  },

  async streaming() {
    await insert("messages", { conversation_id: idOf(STREAMED), sender_type: "user", content: "And where is it now?" });
    const page = await openConversation(STREAMED, 200);
    const worker = await workerOf(idOf(STREAMED));
    await worker.begin();
    await worker.write("It is ");
    await page.getByText("Stop and take over").waitFor();
    const write = async () => {
      for (let word = 0; word < 80; word += 1) {
        await worker.write(`on its way, word by word ${word}. `);
        await pause(20);
      }
    };
    await page.evaluate(() => globalThis.watched.end());
    const atEnd = await blocked(page, write);
    tell("a draft that grows: the newest line is out of sight by", await page.evaluate(() => globalThis.watched.ended()), 1, { unit: "px" });
    await page.locator("#messages").evaluate((box) => (box.scrollTop -= 2_000));
    await pause(500);
    await page.evaluate(() => globalThis.watched.anchor("#messages", "article"));
    const within = await blocked(page, write);
    tell("a draft that grows moves what is read further up by", await page.evaluate(() => globalThis.watched.moved()), 0, { unit: "px" });
    tellBlocked("a draft that grows", { wall: Math.max(atEnd.wall, within.wall), cpu: Math.max(atEnd.cpu, within.cpu) }, { wall: 0, cpu: 0 });
    await worker.settle({ action: "escalate", reason: "low_confidence" });
    await close(page);
  },

  async storm() {
    const page = await openConversation(3);
    await page.locator("#messages").evaluate((box) => (box.scrollTop -= 600));
    await wheel(page, LEFT, 500, 4);
    await page.mouse.move(900, 5);
    await pause(500);
    await page.evaluate(() => globalThis.watched.anchor("main ul", "li a"));
    const places = await page.evaluate(() => globalThis.watched.places());
    const blank = onBlank(async (empty) => {
      await pause(1_000);
      return typed(empty, "textarea", TEXT);
    });
    const before = await worked(page);
    const began = Date.now();
    const storm = fetch(INBOX_URL, { method: "POST" });
    let keys;
    const kept = await blocked(page, async () => {
      keys = await typed(page, "#composer", TEXT);
      await storm;
    });
    const share = (await worked(page)) - before;
    tell("100 changes a second: keystroke to paint (INP)", keys, 50, { blank: await blank });
    tellBlocked("100 changes a second", kept, { wall: 0, cpu: 0 });
    tell("100 changes a second: the processor's work a second", (share * 1_000) / (Date.now() - began));
    const value = await page.locator("#composer").inputValue();
    const isFocused = await page.evaluate(() => document.activeElement.id === "composer");
    tell("100 changes a second: what was typed is there, and has the focus (0: yes)", value === TEXT && isFocused ? 0 : 1, 0, { unit: "" });
    tell("100 changes a second: rows moved by", await page.evaluate(() => globalThis.watched.moved()), 0, { unit: "px" });
    const now = await page.evaluate(() => globalThis.watched.places());
    tell("100 changes a second: lists scrolled by", most(places.map((place, at) => Math.abs(place - now[at]))), 0, { unit: "px" });
    await close(page);
  },

  async opening() {
    const page = await openConversation(3);
    const go = async (number) => {
      await page.evaluate((id) => (location.hash = `#/all/${id}`), idOf(number));
      await page.locator("article").getByText(`Line 30 of ${number}.`).waitFor();
    };
    for (let number = 4; number < 10; number += 1) await go(number);
    await pause(4_000);
    const before = await heap(page);
    const channelsBefore = page.channels.size;
    for (let number = 10; number < 210; number += 1) await go(number);
    const channels = page.channels.size;
    await pause(4_000);
    tell("200 conversations opened one after another: more heap", (await heap(page)) - before, 20, { unit: "MiB" });
    tell("200 conversations opened: more channels at the end", channels - channelsBefore, 12, { unit: "" });
    tell("200 conversations opened: more channels four seconds later", page.channels.size - channelsBefore, 0, { unit: "" });
    await close(page);
  },
};

for (const [name, part] of Object.entries(parts)) if (!ONLY || ONLY.split(",").includes(name)) await part();
await browser.close();
process.exit();
