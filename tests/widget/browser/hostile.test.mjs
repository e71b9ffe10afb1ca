// Shared devices, wrong signatures, pages with elements of others, answers that are nonsense.
import { equal, ok } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, describe, test } from "node:test";

import { ANON_KEY, API_URL, call, eventually, hands, identify, newSecret, page, read, signed, visit } from "./pages.mjs";

let shop;
before(async () => {
  shop = await page();
  await newSecret();
});

const wrong = (id) => ({ id, hmac: "00".repeat(32) });

/** Somebody whom the page has signed, and who has written. */
async function known(text, who = signed()) {
  const customer = await visit(shop);
  await identify(customer, who);
  await customer.chat();
  await eventually(async () => (await customer.session("signed"))?.signedAs === who.id);
  await customer.say(text);
  await customer.dialog.getByText("Sent ·").last().waitFor();
  return Object.assign(customer, { who });
}
const signOut = (customer) => customer.evaluate(() => RomashkaWidget.identify(null));

describe("a customer's conversation is theirs alone", () => {
  test("signing out at the next load takes the session away", async () => {
    const customer = await known("My secret");
    await customer.reload();
    await identify(customer, null);
    await eventually(async () => (await customer.session("signed")) === null);
  });

  test("a wrong signature shows nothing of them, though their session is there, and changes nothing", async () => {
    const customer = await known("My secret");
    await customer.reload();
    await identify(customer, wrong(customer.who.id));
    await customer.chat();
    await customer.waitForTimeout(1_000);
    equal(await customer.said("My secret").count(), 0);
    await identify(customer, signed(customer.who.id));
    await customer.said("My secret").waitFor();
    await identify(customer, wrong("somebody-else"));
    await customer.waitForTimeout(1_000);
    equal((await customer.session("signed")).signedAs, customer.who.id);
    await customer.said("My secret").waitFor();
  });

  test("who signs out sees nothing more at once, however slow the network; nor does a copy of the session", async () => {
    const customer = await known("My secret");
    const { access_token: copy } = await customer.session("signed");
    await customer.route("**/rpc/sign_out_customer", async (route) => {
      await new Promise((later) => setTimeout(later, 2_000));
      await route.continue();
    });
    await signOut(customer);
    await customer.said("My secret").waitFor({ state: "detached", timeout: 1_000 });
    await eventually(async () => (await read("conversations?select=id", copy)).length === 0);
  });

  for (const [next, named] of Object.entries({ "nobody is named": () => null, "another one is named": signed }))
    for (const isReload of [true, false])
      test(`what was unsent goes out as nobody else's: ${next}, ${isReload ? "at the next load" : "at once"}`, async () => {
        const customer = await known("I am known");
        const unsent = `Unsent ${randomUUID()}`;
        await customer.route("**/rest/v1/**", (route) => route.abort());
        await customer.say(unsent);
        await customer.dialog.getByText("Not sent").waitFor();
        await customer.field.fill("My draft");
        await customer.unroute("**/rest/v1/**");
        if (isReload) await customer.reload();
        const who = named();
        if (who || !isReload) await identify(customer, who);
        if (isReload) await customer.chat();
        await customer.waitForTimeout(1_500);
        equal(await customer.field.inputValue(), "");
        equal((await read(`messages?select=id&content=eq.${unsent}`)).length, 0);
        if (!isReload || who) return;
        await identify(customer, signed(customer.who.id)); // and they have it again
        await customer.said(unsent).waitFor();
        equal(await customer.field.inputValue(), "My draft");
      });

  test("a tab goes on as nobody when they sign out in another", async () => {
    const customer = await known("I am known");
    const other = hands(await customer.context().newPage());
    await other.goto(shop);
    await identify(other, customer.who);
    await other.chat();
    await other.said("I am known").waitFor();
    const unsent = `Unsent ${randomUUID()}`;
    await other.route("**/rest/v1/messages**", (route) => route.abort());
    await other.say(unsent);
    await other.dialog.getByText("Not sent").waitFor();
    await other.unroute("**/rest/v1/messages**");
    await signOut(customer);
    await other.said("I am known").waitFor({ state: "detached" });
    await other.waitForTimeout(1_000);
    equal((await read(`messages?select=id&content=eq.${unsent}`)).length, 0);
  });
});

test("an element that is named as the script is not taken for it, nor one that is named as the widget", async () => {
  const evil = "http://127.0.0.1:9/evil/";
  const named = `<img name="currentScript" alt="" data-project="${API_URL}" data-key="${ANON_KEY}" src="${evil}x.png">`;
  const customer = await visit(await page({ body: named }));
  const asked = [];
  customer.on("request", (request) => asked.push(request.url()));
  await customer.waitForTimeout(500);
  equal(await customer.launcher.count(), 0);
  const [trouble] = customer.troubles.splice(0);
  ok(trouble.includes("is not the address of a project"), trouble);
  ok(!asked.some((url) => url.startsWith(`${evil}romashka`)));
  const other = await visit(await page({ body: `<a id="RomashkaWidget" href="x">y</a>` }));
  await other.launcher.waitFor();
});

test("a page that takes it off each time is not frozen", async () => {
  const taking = `<script>new MutationObserver(() => document.querySelectorAll("body > div").forEach((each) => each.remove())).observe(document.body, { childList: true });</script>`;
  const customer = await visit(await page({ body: `<h1>A shop</h1>${taking}` }));
  equal(await customer.evaluate(() => 1), 1);
});

test("answers that are nonsense change nothing", async () => {
  const customer = await visit("about:blank");
  const headers = { "access-control-allow-origin": "*" };
  const nonsense = { team: 7, texts: null, color: {}, languages: "xx", logo_url: "javascript:alert(1)" };
  await customer.route("**/rpc/get_widget_settings*", (route) => route.fulfill({ json: nonsense, headers }));
  await customer.goto(shop);
  await customer.chat();
  await customer.say("Hello");
  await customer.dialog.getByText("Sent ·").waitFor();
  await customer.evaluate(() => {
    const name = Object.keys(localStorage).find((each) => each.endsWith(":session"));
    localStorage.setItem(name, JSON.stringify({ ...JSON.parse(localStorage.getItem(name)), endsAt: 0 }));
  });
  const isAsked = customer.waitForResponse("**/auth/v1/token*");
  await customer.route("**/auth/v1/token*", (route) => route.fulfill({ contentType: "application/json", body: "null", headers }));
  await customer.reload();
  await isAsked;
  await customer.waitForTimeout(300);
  ok(await customer.session());
});

test("the customers of a secret that was revoked are back at the next load", async () => {
  const customer = await known("Still mine");
  const [{ id }] = await call("get_identity_secrets");
  await newSecret();
  await call("revoke_identity_secret", { secret_id: id });
  await customer.reload();
  await identify(customer, signed(customer.who.id));
  await customer.chat();
  await customer.said("Still mine").waitFor();
});
