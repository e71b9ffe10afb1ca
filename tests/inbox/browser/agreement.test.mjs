// Two of the team and a customer, each cut off at random: whoever is back sees what is stored, each message once.
import { deepEqual, equal, ok } from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { eventually, isLive, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, read, update, visitor } from "./project.mjs";

/** So often each of them is cut off; `bench/inbox.py --cuts` asks for more. */
const CUTS = Number(process.env.CUTS ?? 4);
/** Who is back has seen everything after so long. */
const WITHIN_MS = 1_000;
/** All that is said is on the screen. */
const HIGH = { width: 1440, height: 2_000 + CUTS * 330 };
const chance = (share) => Math.random() < share;

let url;
let staff;
before(async () => {
  url = await serve();
  staff = await Promise.all([account("Ada Agent", "agent"), account("Bo Berg", "admin")]);
});

/** Open the conversation on a page whose connection can be cut. */
async function seat(person, id) {
  const session = await sessionOf(person);
  const page = await openAs({ session }, "", { url, viewport: HIGH });
  const line = { page, name: person.name, isCut: false, sockets: new Set() };
  await page.routeWebSocket(/realtime/, (socket) => {
    if (line.isCut) return void socket.close();
    socket.connectToServer();
    line.sockets.add(socket);
  });
  await page.route("**/rest/v1/**", async (route) => {
    if (!line.isCut) return route.continue().catch(() => {});
    if (chance(0.3)) await route.fetch().catch(() => {}); // it is done, and its answer is lost
    await route.abort("connectionreset").catch(() => {});
  });
  await page.goto(`${url}#/all/${id}`);
  await page.reload(); // with the sockets' route
  await said(page, "Hello there").waitFor();
  await isLive(page);
  return line;
}

async function cut(line) {
  line.isCut = true;
  line.sockets.forEach((socket) => void socket.close().catch(() => {}));
  line.sockets.clear();
  await pause(200 + Math.random() * 600);
  line.isCut = false;
}

/** What a page shows as said, from top to bottom; nothing, while it says that it is not up to date. */
const shownOn = (page) => page.locator("#messages article p[dir]").allTextContents();

test("whoever was cut off agrees with the database a second after being back: no gap, no duplicate", async () => {
  const customer = await visitor("Hello there");
  await update(`conversations?id=eq.${customer.id}`, { requires_human: true });
  const lines = await Promise.all(staff.map((person) => seat(person, customer.id)));
  const written = ["Hello there"];
  const write = async (line, text) => {
    written.push(text);
    const field = line.page.getByRole("textbox", { name: "Reply" });
    await field.fill(text);
    await field.press("Enter");
    const anyway = line.page.getByRole("button", { name: "Send anyway" });
    await eventually(async () => (await anyway.count()) || (await field.inputValue()) === "");
    if (await anyway.count()) await anyway.click();
  };
  for (let round = 0; round < CUTS; round += 1) {
    const cuts = lines.filter(() => chance(0.7)).map(cut);
    for (const line of lines) await write(line, `${line.name} ${round}`);
    written.push(`Customer ${round}`);
    await customer.say(`Customer ${round}`);
    await Promise.all(cuts);
  }
  await Promise.all(
    lines.map(async ({ page }) => {
      await isLive(page);
      await eventually(async () => (await said(page, /Sending|Waiting for/).count()) === 0, 30_000);
    }),
  );
  const backAt = Date.now();
  const stored = (await read(`messages?conversation_id=eq.${customer.id}&order=position`)).map(({ content }) => content);
  deepEqual(stored.toSorted(), written.toSorted()); // each once, whatever was lost
  for (const { page } of lines) {
    const agrees = async () => (deepEqual(await shownOn(page), stored), true);
    await eventually(agrees, WITHIN_MS);
    equal(await page.getByText("Not sent").count(), 0);
    deepEqual(page.troubles.filter((text) => !/Failed to fetch|ERR_/.test(text)), []);
  }
  ok(Date.now() - backAt < 10 * WITHIN_MS);
});
