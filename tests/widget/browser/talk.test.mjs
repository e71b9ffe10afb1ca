// What a customer does in the window, and what becomes of it.
import { deepEqual, equal, ok } from "node:assert/strict";
import { before, test } from "node:test";

import { agent, call, conversationOf, eventually, page, read, visit, workerOf } from "./pages.mjs";

let shop;
let ada;
before(async () => {
  shop = await page();
  ada = await agent();
});

const messagesOf = ({ id }) => read(`messages?conversation_id=eq.${id}&order=position`);

test("nothing is stored, asked or opened before the customer acts", async () => {
  const customer = await visit("about:blank");
  const asked = [];
  customer.on("request", (request) => asked.push(request.url()));
  customer.on("websocket", (socket) => asked.push(socket.url()));
  await customer.goto(shop);
  await customer.launcher.waitFor();
  await customer.waitForTimeout(300);
  deepEqual(
    asked.filter((url) => !url.startsWith(shop)).map((url) => new URL(url).pathname),
    ["/romashka-widget.js"],
  );
  await customer.chat();
  await customer.dialog.getByText("Hello! How can we help?").waitFor();
  const kept = () => customer.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie]);
  deepEqual(await kept(), [""]);
  ok(!asked.some((url) => /auth|websocket/.test(url)), asked.join("\n"));
  await customer.say("Where is my parcel?");
  await customer.dialog.getByText("Sent").waitFor();
  ok(await customer.session());
});

test("a reply grows in its place, and is heard once, without its pieces", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("Do you sell teapots?");
  const conversation = await conversationOf(customer);
  const worker = await workerOf(conversation.id);
  await customer.hears(conversation);
  await worker.begin();
  await worker.write("Yes, ");
  const growing = customer.dialog.locator("li[aria-hidden]").getByText("Yes,");
  await growing.waitFor();
  equal(await customer.dialog.getByRole("status").last().innerText(), "The AI is writing");
  await growing.evaluate((bubble) => void (bubble.closest("li").dataset.mark = "same"));
  await worker.write("three kinds.");
  await worker.settle({ ai_response: "Yes, three kinds.", confidence: 0.9 });
  await customer.said("Yes, three kinds.").waitFor();
  equal(await customer.dialog.locator("li[data-mark=same]").getByText("Yes, three kinds.").count(), 1);
  const log = customer.dialog.getByRole("log");
  await eventually(async () => (await log.innerText()) === "AI: Yes, three kinds.");
  await customer.dialog.getByText("An AI answers you.").waitFor();
  deepEqual(customer.troubles, []);
});

test("a reply that is taken back stays pale until its like stands there", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("How much is the blue one?");
  const conversation = await conversationOf(customer);
  const worker = await workerOf(conversation.id);
  await customer.hears(conversation);
  await worker.begin();
  await worker.write("It costs");
  await customer.dialog.getByText("It costs").waitFor();
  await call("take_over_conversation", { conversation_id: conversation.id }, ada.token);
  await customer.dialog.locator(".retracted").waitFor();
  await ada.write(conversation.id, "Ada here: it costs 20.");
  await customer.said("Ada here: it costs 20.").waitFor();
  equal(await customer.dialog.getByText("It costs", { exact: true }).count(), 0);
  await customer.dialog.getByText("A human answers you.").waitFor();
  equal(await customer.dialog.locator(".tag.person").innerText(), "Human");
  // Read marks, both ways.
  await eventually(async () => {
    const [{ customer_read_position }] = await read(`conversations?id=eq.${conversation.id}`);
    return customer_read_position === 2;
  });
  await call("mark_conversation_read", { conversation_id: conversation.id }, ada.token);
  await customer.dialog.getByText("Read ·").waitFor();
});

test("a question's choices are buttons, and one is chosen", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("I want to send it back");
  const conversation = await conversationOf(customer);
  const worker = await workerOf(conversation.id);
  const choices = [{ label: "How do I return an item?", item_id: null }, { label: "None of these", item_id: null }];
  await worker.settle({
    ai_response: "Which of these do you mean?\n\n1. How do I return an item?\n2. None of these",
    confidence: 0.5,
    choices,
  });
  const offered = customer.dialog.getByRole("group", { name: "Choose an answer" });
  await offered.waitFor();
  equal(await customer.dialog.getByText("1. How do I").count(), 0);
  await offered.getByRole("button", { name: "How do I return an item?" }).click();
  await offered.waitFor({ state: "detached" });
  const chosen = await eventually(async () => (await messagesOf(conversation))[2]);
  equal(chosen.metadata.choice.number, 1);
});

test("a human is one tap away, and the end is rated once", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.dialog.getByRole("button", { name: "Talk to a human" }).click();
  await customer.said("I would like to talk to a human, please.").waitFor();
  const conversation = await conversationOf(customer);
  const worker = await workerOf(conversation.id);
  await worker.settle({ action: "escalate", reason: "human_requested", ai_response: "A human is coming." });
  await customer.dialog.getByText("A human will answer you here.").waitFor();
  await ada.write(conversation.id, "Here I am.");
  await customer.said("Here I am.").waitFor();
  await call("resolve_conversation", { conversation_id: conversation.id }, ada.token);
  await customer.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await customer.dialog.getByRole("button", { name: "4 of 5" }).click();
  await customer.dialog.getByText("Thank you for telling us.").waitFor();
  const [{ satisfaction_rating }] = await read(`conversations?id=eq.${conversation.id}`);
  equal(Number(satisfaction_rating), 4);
  await customer.dialog.getByRole("button", { name: "Earlier conversations" }).click();
  await customer.dialog.getByRole("button", { name: "New conversation" }).click();
  await customer.say("Something else");
  await customer.dialog.getByText("Sent").waitFor();
  ok((await conversationOf(customer)).id !== conversation.id);
});

test("what was read of a conversation before it ended takes nothing back, however late it comes", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("Are you there?");
  await customer.dialog.getByText("Sent ·").waitFor();
  const { id } = await conversationOf(customer);
  let go;
  const gone = new Promise((resolve) => (go = resolve));
  let isFirst = true;
  const isHeld = new Promise((held) =>
    customer.route(new RegExp(`/rest/v1/conversations.*id=eq.${id}`), async (route) => {
      if (!isFirst) return route.continue();
      isFirst = false;
      const response = await route.fetch();
      held();
      await gone;
      await route.fulfill({ response }).catch(() => {}); // it was given up
    }),
  );
  await ada.write(id, "Here I am.");
  await isHeld;
  await call("resolve_conversation", { conversation_id: id }, ada.token);
  await customer.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await customer.waitForTimeout(700);
  go();
  await customer.waitForTimeout(700);
  await customer.dialog.getByRole("button", { name: "4 of 5" }).waitFor({ timeout: 5_000 });
});

test("typing is seen both ways", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("Hello?");
  const { id } = await conversationOf(customer);
  const team = await ada.join(id);
  await eventually(() => team.others().some(({ role }) => role === "customer"));
  await team.type();
  await customer.dialog.getByRole("status").getByText("Ada Agent (human) is writing").waitFor({ state: "attached" });
  await customer.dialog.locator(".dots").waitFor();
  await customer.field.pressSequentially("I am");
  await eventually(() => team.typed.length > 0);
  await team.leave();
  await customer.dialog.locator(".dots").waitFor({ state: "detached" });
});

test("files go by the button, by paste and by drop", async () => {
  const customer = await visit(shop);
  await customer.chat();
  const file = { name: "broken cup.png", mimeType: "image/png", buffer: Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64") };
  await customer.dialog.locator("input[type=file]").setInputFiles(file);
  await customer.dialog.getByRole("button", { name: "Remove broken cup.png" }).waitFor();
  await customer.field.evaluate((field) => {
    const clipboard = new DataTransfer();
    clipboard.items.add(new File(["second"], "list.txt", { type: "text/plain" }));
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: clipboard, bubbles: true, cancelable: true }));
  });
  await customer.dialog.getByRole("button", { name: "Remove list.txt" }).waitFor();
  await customer.field.evaluate((field) => {
    const dropped = new DataTransfer();
    dropped.items.add(new File(["third"], "more.txt", { type: "text/plain" }));
    dropped.items.add(new File([new Uint8Array(11 * 1024 * 1024)], "film.mp4", { type: "video/mp4" }));
    field.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
  });
  await customer.dialog.getByText("This file is larger than 10 MB.").waitFor();
  await customer.dialog.getByRole("button", { name: "Remove more.txt" }).click();
  await customer.say("It came like this");
  await customer.dialog.getByRole("img", { name: "Picture: broken cup.png" }).waitFor();
  await customer.dialog.getByRole("link", { name: "list.txt" }).waitFor();
  const rows = await messagesOf(await conversationOf(customer));
  deepEqual(rows.map(({ content, message_type }) => [content, message_type]), [["It came like this", "image"], ["", "document"]]);
  deepEqual(customer.troubles, []);
});

test("limits are told kindly, and what is refused can be discarded", async () => {
  const customer = await visit(shop);
  await customer.chat();
  await customer.say("x".repeat(5_000));
  await customer.dialog.getByText("This is too long for one message.").waitFor();
  await customer.dialog.getByRole("button", { name: "Discard" }).click();
  equal(await customer.dialog.locator("li.mine").count(), 0);
  await customer.route("**/rest/v1/messages*", (route) =>
    route.fulfill({ status: 429, json: { code: "PT429", message: "too many", details: "too_many_messages", hint: null } }),
  );
  await customer.say("Again");
  await customer.dialog.getByText("That was a lot at once.").waitFor();
  await customer.unroute("**/rest/v1/messages*");
  await customer.dialog.getByRole("button", { name: "Try again" }).click();
  await customer.dialog.getByText("Sent").waitFor();
});
