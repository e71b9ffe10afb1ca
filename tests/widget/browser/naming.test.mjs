// Between a page's naming of its customer and the answer: nothing is lost, and nothing goes out as somebody else's.
import { deepEqual, equal, ok } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";

import { account, ANON_KEY, eventually, identify, newSecret, page, read, request, signed, visit } from "./pages.mjs";

let shop;
before(async () => {
  shop = await page();
  await newSecret();
});

const sent = (customer) => customer.dialog.getByText("Sent ·").last().waitFor();
const warnings = (customer) => {
  const all = [];
  customer.on("console", (message) => message.type() === "warning" && all.push(message.text()));
  return all;
};
/** Hold the answers of an address until they are let go. */
async function hold(customer, path) {
  let go;
  const gone = new Promise((resolve) => (go = resolve));
  await customer.route(path, async (route) => {
    await gone;
    await route.continue().catch(() => {}); // the page gave it up
  });
  return go;
}
/** Whose customers a text is of: the page's id, or null of a visitor. */
async function authorsOf(text) {
  const rows = await read(`messages?select=conversations!inner(customer_profiles!inner(verified_id))&content=eq.${encodeURIComponent(text)}`);
  return rows.map(({ conversations }) => conversations.customer_profiles.verified_id);
}
async function tokenOf(name) {
  const { email, password } = await account(name);
  const signIn = request("/auth/v1/token?grant_type=password", { token: ANON_KEY, body: { email, password } });
  return (await signIn).access_token;
}

for (const isVisitor of [true, false])
  test(`what is written meanwhile is the customer's who was named; ${isVisitor ? "a visitor's before" : "nobody's before"}`, async () => {
    const who = signed();
    const customer = await visit(shop);
    await customer.chat();
    if (isVisitor) {
      await customer.say("As a visitor");
      await sent(customer);
    }
    const go = await hold(customer, "**/rpc/identify_customer*");
    await identify(customer, who);
    const text = `Meanwhile ${randomUUID()}`;
    await customer.say(text);
    await customer.waitForTimeout(700);
    deepEqual(await authorsOf(text), []);
    await customer.dialog.getByText("Sending").waitFor();
    go();
    await sent(customer);
    deepEqual(await authorsOf(text), [who.id]);
    equal(await customer.said(text).count(), 1);
    if (isVisitor) await customer.said("As a visitor").waitFor();
  });

test("what is not believed is said kindly, and what was written waits for another try", async () => {
  const who = signed();
  const customer = await visit(shop);
  const warned = warnings(customer);
  await customer.chat();
  await customer.say("As a visitor");
  await sent(customer);
  await identify(customer, { ...who, hmac: "00".repeat(32) });
  const text = `Kept ${randomUUID()}`;
  await customer.say(text);
  await customer.dialog.getByText("It could not be confirmed who you are.").waitFor();
  ok(warned.some((each) => each.includes("the customer is not who the page says")));
  deepEqual(await authorsOf(text), []);
  await customer.dialog.getByRole("button", { name: "Try again" }).click();
  await customer.dialog.getByText("It could not be confirmed who you are.").waitFor();
  // Over a reload, too; and with a good signature it goes out by itself.
  await customer.reload();
  await identify(customer, who);
  await customer.chat();
  await customer.said(text).waitFor();
  deepEqual(await authorsOf(text), [who.id]);
});

test("a page that names its customer anew sends what waited", async () => {
  const who = signed();
  const customer = await visit(shop);
  await customer.chat();
  await identify(customer, { ...who, hmac: "00".repeat(32) });
  const text = `Waits ${randomUUID()}`;
  await customer.say(text);
  await customer.dialog.getByText("It could not be confirmed who you are.").waitFor();
  await identify(customer, who);
  await customer.said(text).waitFor();
  deepEqual(await authorsOf(text), [who.id]);
});

test("without a network it waits, and goes out as the customer's", async () => {
  const who = signed();
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("As a visitor");
  await sent(customer);
  await customer.route("**/rpc/identify_customer*", (route) => route.abort());
  await identify(customer, who);
  const text = `Cut off ${randomUUID()}`;
  await customer.say(text);
  await customer.dialog.getByText("The chat cannot be reached right now.").waitFor();
  deepEqual(await authorsOf(text), []);
  await customer.unroute("**/rpc/identify_customer*");
  await customer.evaluate(() => dispatchEvent(new Event("online")));
  await customer.said(text).waitFor();
  deepEqual(await authorsOf(text), [who.id]);
});

test("the newest name wins, and what was written for the one before is not the next one's", async () => {
  const [first, second] = [signed(), signed()];
  const customer = await visit(shop);
  await customer.chat();
  const go = await hold(customer, "**/rpc/identify_customer*");
  await identify(customer, first);
  const text = randomUUID();
  await customer.say(`First ${text}`);
  await identify(customer, second);
  await customer.say(`Second ${text}`);
  go();
  await sent(customer);
  deepEqual(await authorsOf(`Second ${text}`), [second.id]);
  deepEqual(await authorsOf(`First ${text}`), []);
  await eventually(async () => (await customer.session("signed")).signedAs === second.id);
});

test("who signs out while they are being named is nobody", async () => {
  const customer = await visit(shop);
  await customer.chat();
  const go = await hold(customer, "**/rpc/identify_customer*");
  await identify(customer, signed());
  const text = randomUUID();
  await customer.say(`Mine ${text}`);
  await identify(customer, null);
  go();
  await customer.say(`Visitor ${text}`);
  await sent(customer);
  await customer.waitForTimeout(500);
  deepEqual(await authorsOf(`Visitor ${text}`), [null]);
  deepEqual(await authorsOf(`Mine ${text}`), []);
  equal(await customer.session("signed"), null);
});

test("a token that the page never gives holds nothing up: the newest name wins", async () => {
  const who = signed();
  const customer = await visit(shop);
  const warned = warnings(customer);
  await customer.chat();
  await customer.evaluate(() => RomashkaWidget.identify({ jwt: () => new Promise(() => {}) }));
  const text = `For whoever it is ${randomUUID()}`;
  await customer.say(text);
  await customer.waitForTimeout(300);
  await identify(customer, who);
  await customer.said(text).waitFor({ timeout: 8_000 }); // sooner than the page's token is given up
  deepEqual(await authorsOf(text), [who.id]);
  await customer.waitForTimeout(11_000);
  deepEqual(warned, []); // nobody waits for that one any more
});

test("a token that the page never gives is given up, and told", async () => {
  const jwt = await tokenOf("Cy Customer");
  const customer = await visit(shop);
  const warned = warnings(customer);
  await customer.chat();
  await customer.evaluate(() => RomashkaWidget.identify({ jwt: () => new Promise(() => {}) }));
  const text = `Kept ${randomUUID()}`;
  await customer.say(text);
  await customer.dialog.getByText("It could not be confirmed who you are.").waitFor({ timeout: 20_000 });
  ok(warned.some((each) => each.includes("jwt() gave nothing for 10 s")), warned.join("\n"));
  deepEqual(await authorsOf(text), []);
  await customer.evaluate((token) => RomashkaWidget.identify({ jwt: async () => token }), jwt);
  await customer.said(text).waitFor();
});

test("a token of another user is nobody's, until the page names them", async () => {
  const [one, other] = [await tokenOf("Cy Customer"), await tokenOf("Di Different")];
  const customer = await visit(shop);
  await customer.chat();
  await customer.evaluate((token) => {
    globalThis.given = token;
    RomashkaWidget.identify({ jwt: async () => globalThis.given });
  }, one);
  await customer.say("As the one");
  await sent(customer);
  await customer.evaluate((token) => void (globalThis.given = token), other);
  const text = `Whose is it? ${randomUUID()}`;
  await customer.say(text);
  await customer.dialog.getByText("Not sent").waitFor({ timeout: 20_000 });
  equal((await read(`messages?select=id&content=eq.${encodeURIComponent(text)}`)).length, 0);
});
