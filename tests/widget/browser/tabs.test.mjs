// Tabs of one browser, of which a page has named its customer in some: each goes on as who it is.
import { deepEqual, equal, ok } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";

import { eventually, hands, identify, newSecret, page, read, signed, visit } from "./pages.mjs";

let shop;
before(async () => {
  shop = await page();
  await newSecret();
});

const sent = (customer) => customer.dialog.getByText("Sent ·").last().waitFor();
async function beside(tab) {
  const other = hands(await tab.context().newPage());
  await other.goto(shop);
  return other;
}
async function named(tab, who) {
  await identify(tab, who);
  await tab.chat();
  await eventually(async () => (await tab.session("signed"))?.signedAs === who.id);
}
const says = async (tab, text) => {
  await tab.say(text);
  await tab.said(text).waitFor();
  await sent(tab);
};
async function authorOf(text) {
  const rows = await read(`messages?select=conversations!inner(customer_profiles!inner(verified_id))&content=eq.${encodeURIComponent(text)}`);
  equal(rows.length, 1);
  return rows[0].conversations.customer_profiles.verified_id;
}
const kept = (tab) =>
  tab.evaluate(() => Object.entries({ ...localStorage, ...sessionStorage }).map((each) => each.join(" ")).join("\n"));

test("one tab is the customer's, another one a visitor's: each stays so, over loads and renewals", async () => {
  const who = signed();
  const texts = Array.from({ length: 6 }, () => `Tabs ${randomUUID()}`);
  const mine = await visit(shop);
  await named(mine, who);
  await says(mine, texts[0]);
  const visitor = await beside(mine);
  await visitor.chat();
  await visitor.dialog.getByText("Hello! How can we help?").waitFor();
  equal(await visitor.said(texts[0]).count(), 0);
  await says(visitor, texts[1]);
  await says(mine, texts[2]);
  equal(await mine.said(texts[1]).count(), 0);
  equal(await visitor.said(texts[2]).count(), 0);

  // Both tokens end, and both are renewed.
  await mine.evaluate(() => {
    for (const [name, value] of Object.entries(localStorage))
      if (/:(session|signed)$/.test(name)) localStorage.setItem(name, JSON.stringify({ ...JSON.parse(value), endsAt: 1 }));
  });
  await Promise.all([says(mine, texts[3]), says(visitor, texts[4])]);

  for (const tab of [mine, visitor]) await tab.reload();
  await named(mine, signed(who.id));
  await visitor.chat();
  await mine.said(texts[3]).waitFor();
  await visitor.said(texts[4]).waitFor();
  await says(mine, texts[5]);
  await visitor.waitForTimeout(300);
  equal(await visitor.said(texts[5]).count(), 0);
  equal(await mine.said(texts[4]).count(), 0);
  for (const [index, author] of [who.id, null, who.id, who.id, null, who.id].entries())
    equal(await authorOf(texts[index]), author);
});

test("what a tab wrote before its page named the customer comes along; what another tab's visitor writes does not", async () => {
  const who = signed();
  const mine = await visit(shop);
  await named(mine, who);
  await says(mine, "I am known");
  const visitor = await beside(mine);
  await visitor.chat();
  const text = `Not named yet ${randomUUID()}`;
  await says(visitor, text);
  await mine.reload();
  await named(mine, signed(who.id));
  await mine.said("I am known").waitFor();
  equal(await authorOf(text), null);
  await identify(visitor, signed(who.id)); // the very page
  await eventually(async () => (await authorOf(text)) === who.id);
  await visitor.said(text).waitFor();
});

test("two tabs of one customer share a session, which is renewed once", async () => {
  const who = signed();
  const one = await visit(shop);
  await named(one, who);
  await says(one, "From the one");
  const other = await beside(one);
  await named(other, who);
  await other.said("From the one").waitFor();
  const renewals = [];
  const signUps = [];
  one.context().on("request", (request) => {
    if (request.url().includes("grant_type=refresh_token")) renewals.push(request.url());
    if (request.url().includes("/auth/v1/signup")) signUps.push(request.url());
  });
  await one.evaluate(() => {
    const name = Object.keys(localStorage).find((each) => each.endsWith(":signed"));
    localStorage.setItem(name, JSON.stringify({ ...JSON.parse(localStorage.getItem(name)), endsAt: 1 }));
  });
  await Promise.all([says(one, "Once"), says(other, "Twice")]);
  for (const tab of [one, other]) for (const text of ["Once", "Twice"]) await tab.said(text).waitFor();
  // A browser may show a tab late what another one kept: then both renew, and Auth takes both.
  ok(renewals.length <= 2, `${renewals.length} renewals`);
  equal(signUps.length, 0);
});

test("after a sign-out, in whichever tab, and during a renewal, nothing of the customer is left", async () => {
  const who = signed();
  const text = `Mine ${randomUUID()}`;
  const one = await visit(shop);
  await named(one, who);
  await says(one, text);
  const other = await beside(one);
  await named(other, who);
  await other.said(text).waitFor();
  await other.field.fill("What I write");
  let go;
  const gone = new Promise((resolve) => (go = resolve));
  await other.route("**/auth/v1/token*", async (route) => {
    await gone;
    await route.continue().catch(() => {});
  });
  const isRenewed = other.waitForRequest("**/auth/v1/token*");
  await other.evaluate(() => {
    const name = Object.keys(localStorage).find((each) => each.endsWith(":signed"));
    localStorage.setItem(name, JSON.stringify({ ...JSON.parse(localStorage.getItem(name)), endsAt: 1 }));
  });
  await other.say("Asks for a new token");
  await isRenewed;
  await Promise.all([one, other].map((tab) => tab.evaluate(() => RomashkaWidget.identify(null))));
  go();
  for (const tab of [one, other]) {
    await tab.said(text).waitFor({ state: "detached" });
    await tab.waitForTimeout(500);
    const all = await kept(tab);
    ok(!all.includes(who.id) && !all.includes("What I write") && !all.includes("token"), all);
  }
  await says(other, "Whoever comes next");
  equal(await other.session("signed"), null);
  deepEqual(await read("messages?select=id&content=eq.Asks%20for%20a%20new%20token"), []);
});

test("a session that has ended is the customer's again when they write, and they are no visitor meanwhile", async () => {
  const who = signed();
  const one = await visit(shop);
  await named(one, who);
  await says(one, "Before");
  await one.evaluate(() => {
    const name = Object.keys(localStorage).find((each) => each.endsWith(":signed"));
    const changes = { endsAt: 1, refresh_token: "gone" };
    localStorage.setItem(name, JSON.stringify({ ...JSON.parse(localStorage.getItem(name)), ...changes }));
  });
  const text = `After ${randomUUID()}`;
  await one.say(text);
  await one.said(text).waitFor();
  await one.said("Before").waitFor();
  equal(await authorOf(text), who.id);
});

test("another customer in another tab: what is written goes out as who the page says", async () => {
  const [who, another] = [signed(), signed()];
  const one = await visit(shop);
  await named(one, who);
  await says(one, "The one's");
  const other = await beside(one);
  await named(other, another);
  await one.said("The one's").waitFor({ state: "detached" });
  const [ones, others] = [`One ${randomUUID()}`, `Other ${randomUUID()}`];
  await says(other, others);
  await says(one, ones);
  await one.said("The one's").waitFor();
  equal(await authorOf(ones), who.id);
  equal(await authorOf(others), another.id);
});
