// What bench/soak keeps open in Chromium: a team's inbox, and a shop in whose window a customer writes. For each line that
// comes in, somebody does something on both pages, and what they hold then goes out as a line of JSON.
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { account, ANON_KEY, request } from "../../tests/inbox/browser/project.mjs";

const { SITE } = process.env;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];

/** A window with more messages holds more; what leaks leaks with few, too. */
const WRITES_EACH = 10;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
const ada = await account("Ada Agent", "agent");
const session = await request("/auth/v1/token?grant_type=password", {
  token: ANON_KEY,
  body: { email: ada.email, password: ada.password },
});
const inbox = await open("#/all");
const shop = await open("shop.html");

let turn = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  turn += 1;
  const rows = inbox.locator("main li a");
  await rows.first().waitFor();
  await rows.nth(turn % Math.min(5, await rows.count())).click();
  await shop.locator(".launcher").click();
  await shop.getByRole("dialog").waitFor();
  if (turn % WRITES_EACH === 1) {
    await shop.locator("textarea").fill(`What is Romashka? I ask in turn ${turn}.`);
    await shop.locator("textarea").press("Enter");
  }
  await shop.locator(".launcher").click();
  await shop.getByRole("dialog").waitFor({ state: "hidden" });
  console.log(JSON.stringify({ ...(await held("inbox", inbox)), ...(await held("widget", shop)) }));
}
await browser.close();

async function open(path) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const kept = [`sb-127-auth-token`, JSON.stringify(session)];
  if (path.startsWith("#")) await page.addInitScript(([key, value]) => localStorage.setItem(key, value), kept);
  page.cdp = await context.newCDPSession(page);
  await page.cdp.send("Performance.enable");
  await page.goto(SITE + path);
  return page;
}

async function held(name, page) {
  await page.cdp.send("HeapProfiler.collectGarbage");
  const { metrics } = await page.cdp.send("Performance.getMetrics");
  const value = (key) => metrics.find((each) => each.name === key).value;
  return { [`${name}, MB`]: value("JSHeapUsedSize") / 1_048_576, [`${name}, nodes`]: value("Nodes") };
}
