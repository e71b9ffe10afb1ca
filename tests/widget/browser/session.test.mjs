// The customer's session: begun when they act, renewed once for all tabs, and lost without a loss.
import { deepEqual, equal, ok } from "node:assert/strict";
import { before, test } from "node:test";

import { conversationOf, eventually, hands, page, read, request, visit } from "./pages.mjs";

let shop;
before(async () => void (shop = await page()));

const sent = (customer) => customer.dialog.getByText("Sent", { exact: false }).last().waitFor();
const asked = (customer, path) => {
  const all = [];
  customer.context().on("request", (request) => request.url().includes(path) && all.push(request.postDataJSON()));
  return all;
};
/** Make what the browser keeps too old. */
const age = (customer, changes = { endsAt: 1 }) =>
  customer.evaluate((changed) => {
    const name = Object.keys(localStorage).find((each) => each.endsWith(":session"));
    localStorage.setItem(name, JSON.stringify({ ...JSON.parse(localStorage.getItem(name)), ...changed }));
  }, changes);

test("two tabs begin at once: one session, one conversation, and both agree", async () => {
  const one = await visit(shop);
  const signUps = asked(one, "/auth/v1/signup");
  const two = hands(await one.context().newPage());
  await two.goto(shop);
  await Promise.all([one.chat(), two.chat()]);
  await Promise.all([one.say("From the one"), two.say("From the other")]);
  for (const tab of [one, two])
    for (const text of ["From the one", "From the other"]) await tab.said(text).waitFor();
  equal(signUps.length, 1);
  const { id } = await conversationOf(one);
  const rows = await read(`messages?conversation_id=eq.${id}`);
  equal(rows.length, 2);

  // The token ends in both: it is renewed once.
  const renewals = asked(one, "grant_type=refresh_token");
  await age(one);
  await Promise.all([one.say("Third"), two.say("Fourth")]);
  for (const tab of [one, two]) for (const text of ["Third", "Fourth"]) await tab.said(text).waitFor();
  // A browser may show a tab late what another one kept: then both renew, and Auth takes both.
  ok(renewals.length <= 2, `${renewals.length} renewals`);
});

test("a reload, and another day: the conversation is there, with what is new counted", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("Until later");
  await sent(customer);
  const { id } = await conversationOf(customer);
  await customer.goto("about:blank");
  await request("/rest/v1/messages", { body: { conversation_id: id, sender_type: "agent", content: "Here again" } });
  await customer.goto(shop);
  await customer.getByRole("button", { name: "Open chat (1)" }).waitFor();
  await customer.chat();
  await customer.said("Here again").waitFor();
  await customer.dialog.press("Escape");
  await customer.getByRole("button", { name: "Open chat", exact: true }).waitFor();
});

test("a session that is over begins anew, and nothing of what was written is lost", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("First");
  await sent(customer);
  const before = await customer.session();
  await age(customer, { endsAt: 1, refresh_token: "gone" });
  await customer.say("And then?");
  await eventually(async () => {
    const now = await customer.session();
    return now && now.userId !== before.userId;
  });
  await customer.said("And then?").waitFor();
  const [row] = await read(`messages?conversation_id=eq.${(await conversationOf(customer)).id}`);
  equal(row.content, "And then?");
});

test("it works where the browser keeps nothing", async () => {
  const customer = await visit("about:blank");
  await customer.addInitScript(() => {
    for (const name of ["localStorage", "sessionStorage"])
      Object.defineProperty(globalThis, name, {
        get() {
          throw new DOMException("denied", "SecurityError");
        },
      });
    Object.defineProperty(Navigator.prototype, "locks", { get: () => undefined });
  });
  await customer.goto(shop);
  await customer.chat();
  await customer.say("No cookies, please");
  await sent(customer);
  await customer.say("Thank you");
  await customer.said("Thank you").waitFor();
  deepEqual(customer.troubles, []);
});

test("a captcha's token goes along when the session begins", async () => {
  const customer = await visit("about:blank");
  const signUps = asked(customer, "/auth/v1/signup");
  await customer.addInitScript(() => (globalThis.romashkaCaptcha = async () => "proved"));
  await customer.goto(shop);
  await customer.chat();
  await customer.say("I am no robot");
  await sent(customer);
  deepEqual(signUps, [{ data: {}, gotrue_meta_security: { captcha_token: "proved" } }]);
});

test("a captcha that never ends is given up: no tab waits for it for ever", async () => {
  const customer = await visit("about:blank");
  await customer.addInitScript(() => (globalThis.romashkaCaptcha = () => new Promise((solve) => (globalThis.solve = solve))));
  await customer.clock.install();
  await customer.goto(shop);
  await customer.chat();
  await customer.say("I look for the traffic lights");
  await eventually(() => customer.evaluate(() => !!globalThis.solve));
  await customer.clock.fastForward(121_000);
  await customer.evaluate(() => (globalThis.romashkaCaptcha = async () => "proved"));
  await customer.dialog.getByRole("button", { name: "Try again" }).click();
  await customer.said("I look for the traffic lights").waitFor();
});

test("offline and back, and a reload between: each message once, in order", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("One");
  await sent(customer);
  const { id } = await conversationOf(customer);
  await customer.context().setOffline(true);
  await customer.dialog.getByText("You are offline.").waitFor();
  await customer.say("Two");
  await customer.say("Three");
  await customer.dialog.getByText("Waits for the connection").first().waitFor();
  await customer.context().setOffline(false);
  await customer.said("Three").waitFor();
  await customer.dialog.getByText("You are offline.").waitFor({ state: "detached" });

  // The answer to the next one gets lost, and the page is loaded anew.
  await customer.route("**/rest/v1/messages*", async (route) => {
    // The page may be gone by then.
    if (route.request().method() === "POST") await route.fetch().catch(() => {});
    await route.abort().catch(() => {});
  });
  await customer.say("Four");
  await eventually(async () => (await read(`messages?conversation_id=eq.${id}`)).length === 4);
  await customer.reload();
  await customer.unroute("**/rest/v1/messages*");
  await customer.chat();
  await customer.said("Four").waitFor();
  const rows = await read(`messages?conversation_id=eq.${id}&order=position`);
  deepEqual(rows.map(({ content }) => content), ["One", "Two", "Three", "Four"]);
  equal(await customer.said("Four").count(), 1);
});

test("after a sleep, with a socket that died without a word", async () => {
  const customer = await visit("about:blank");
  let isDead = false;
  await customer.routeWebSocket(/realtime/, (socket) => {
    const server = socket.connectToServer();
    const isMine = !isDead; // what connects after the sleep lives
    socket.onMessage((message) => (isMine && isDead) || server.send(message));
    server.onMessage((message) => (isMine && isDead) || socket.send(message));
  });
  await customer.goto(shop);
  await customer.chat();
  await customer.say("Good night");
  await sent(customer);
  const { id } = await conversationOf(customer);
  const show = (state, later = 0) =>
    customer.evaluate(
      ([shown, passed]) => {
        const now = Date.now.bind(Date);
        Date.now = () => now() + passed;
        Object.defineProperty(document, "visibilityState", { value: shown, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      },
      [state, later],
    );
  await show("hidden");
  isDead = true;
  const write = (content) => request("/rest/v1/messages", { body: { conversation_id: id, sender_type: "agent", content } });
  await write("While you slept");
  await show("visible", 600_000);
  await customer.said("While you slept").waitFor();
  await customer.dialog.getByText("A human answers you.").waitFor();
  await write("And now");
  await customer.said("And now").waitFor();
});

test("without an answer at sign-in it says so, and goes on by itself", async () => {
  const customer = await visit(shop);
  await customer.route("**/auth/v1/signup*", (route) => route.abort());
  await customer.chat();
  await customer.say("Anybody?");
  await customer.dialog.getByText("The chat cannot be reached right now.").waitFor();
  await customer.unroute("**/auth/v1/signup*");
  await customer.evaluate(() => dispatchEvent(new Event("online")));
  await customer.said("Anybody?").waitFor();
});
