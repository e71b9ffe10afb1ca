// Whom the page vouches for has their conversations on each device, and nobody else has them.
import { equal, ok } from "node:assert/strict";
import { before, test } from "node:test";

import { account, agent, ANON_KEY, conversationOf, eventually, identify, newSecret, page, read, request, signed, visit, workerOf } from "./pages.mjs";

let shop;
before(async () => {
  shop = await page();
  await newSecret();
});

const sent = (customer) => customer.dialog.getByText("Sent ·").last().waitFor();

test("a signed customer has what they began as a visitor, on each device; a page that does not say so shows nothing", async () => {
  const who = signed();
  const one = await visit(shop);
  await one.chat();
  await one.say("I write before I sign in");
  await sent(one);
  await identify(one, who);
  await eventually(async () => (await one.session("signed"))?.signedAs === who.id);
  await eventually(async () => (await one.session()) === null);
  await one.said("I write before I sign in").waitFor();
  await one.say("And now I am known");
  await one.said("And now I am known").waitFor();

  const two = await visit(shop);
  await identify(two, signed(who.id));
  await two.chat();
  await two.said("And now I am known").waitFor();
  await two.say("From my phone");
  await one.said("From my phone").waitFor();

  // The next one at this device, whom the page does not name.
  await two.reload();
  await two.chat();
  await two.dialog.getByText("Hello! How can we help?").waitFor();
  await two.waitForTimeout(300);
  equal(await two.said("From my phone").count(), 0);
  await identify(two, signed(who.id));
  await two.said("From my phone").waitFor();

  await two.field.fill("My secret");
  await two.evaluate(() => RomashkaWidget.identify(null));
  await eventually(async () => (await two.said("From my phone").count()) === 0);
  equal(await two.field.inputValue(), "");
  equal(await two.session(), null);
  equal(await two.session("signed"), null);
  const [{ verified_id }] = await read(`customer_profiles?select=verified_id&verified_id=eq.${who.id}`);
  equal(verified_id, who.id);
});

test("a signature that is none changes nothing, and says so to the page's author", async () => {
  const customer = await visit(shop);
  const warned = [];
  customer.on("console", (message) => message.type() === "warning" && warned.push(message.text()));
  await customer.chat();
  await customer.say("I stay who I am");
  await sent(customer);
  const { userId } = await customer.session();
  await identify(customer, { id: "somebody-else", hmac: "00".repeat(32) });
  await eventually(() => warned.some((text) => text.includes("the customer is not who the page says")));
  equal((await customer.session()).userId, userId);
  await customer.said("I stay who I am").waitFor();
  await customer.say("Whose is it?");
  await customer.dialog.getByText("It could not be confirmed who you are.").waitFor();
});

test("what the page knows and nobody signed is a hint for the team; without one there is no name", async () => {
  const named = await visit(shop);
  await named.evaluate(() => RomashkaWidget.identify({ name: "hint-of-the-page@shop.example" }));
  const nameless = await visit(shop);
  for (const customer of [named, nameless]) {
    await customer.chat();
    await customer.say("Whom do you see?");
    await sent(customer);
  }
  const names = async (customer) => {
    const { userId } = await customer.session();
    return read(`conversations?select=user_name,user_email,customer_profiles!inner(user_id)&customer_profiles.user_id=eq.${userId}`);
  };
  const [hinted] = await names(named);
  equal(hinted.user_email, "hint-of-the-page@shop.example");
  const [unknown] = await names(nameless);
  equal(unknown.user_name, null);
});

test("an account of the project is who the page's token says", async () => {
  const person = await account("Cy Customer");
  const body = { email: person.email, password: person.password };
  const { access_token: jwt } = await request("/auth/v1/token?grant_type=password", { token: ANON_KEY, body });
  const one = await visit(shop);
  await one.chat();
  await one.say("As a visitor");
  await sent(one);
  await identify(one, { jwt });
  await one.said("As a visitor").waitFor();
  await one.say("With my account");
  await one.said("With my account").waitFor();
  const two = await visit(shop);
  await identify(two, { jwt });
  await two.chat();
  await two.said("With my account").waitFor();
  equal(await two.session(), null); // nothing of it is kept
});

test("who waits for a human leaves an address", async () => {
  const ada = await agent();
  const customer = await visit(shop);
  await customer.chat();
  await customer.dialog.getByRole("button", { name: "Talk to a human" }).click();
  const conversation = await conversationOf(customer);
  const worker = await workerOf(conversation.id);
  await worker.settle({ action: "escalate", reason: "human_requested", ai_response: "A human is coming." });
  const email = customer.dialog.getByRole("textbox", { name: /Leave your e-mail address/ });
  await email.fill("nobody");
  await email.press("Enter");
  await customer.dialog.getByText("No answer can be mailed to this address.").waitFor();
  await email.fill("vera@example.com");
  await email.press("Enter");
  await customer.dialog.getByText("The team has your address: vera@example.com").waitFor();
  const [{ answer_email }] = await read(`conversations?select=answer_email&id=eq.${conversation.id}`);
  equal(answer_email, "vera@example.com");
  await customer.dialog.getByRole("button", { name: "Remove vera@example.com" }).click();
  await email.waitFor();
  await ada.write(conversation.id, "Here I am.");
  await email.waitFor({ state: "detached" });
  ok(conversation);
});
