// A team at work together: who looks, who types, what they note, and what several conversations have in common.
import { deepEqual, equal } from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { createClient } from "@supabase/supabase-js";

import { eventually, isLive, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, ANON_KEY, API_URL, read, request, update, visitor } from "./project.mjs";

let ada;
let bo;
let url;
let page;
let other;
const clients = [];
before(async () => {
  [ada, bo] = await Promise.all([account("Ada Lovelace", "agent"), account("Bo Berg", "admin")]);
  [ada.session, bo.session] = await Promise.all([sessionOf(ada), sessionOf(bo)]);
  url = await serve();
  page = await openAs(ada, "#/all", { url, isShared: true });
  other = await openAs(bo, "#/all", { url, isShared: true });
});
after(() => Promise.all(clients.map((client) => client.removeAllChannels())));
afterEach(async () => {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  deepEqual([page.troubles, other.troubles], [[], []]);
});

const reply = (of = page) => of.getByRole("textbox", { name: "Reply" });
const conversation = async (id) => (await read(`conversations?id=eq.${id}`))[0];

async function openedOn(...pages) {
  const customer = await visitor("Hello there");
  for (const each of pages) {
    await each.goto(`${url}#/all/${customer.id}`);
    await said(each, "Hello there").waitFor();
    await isLive(each);
  }
  return customer;
}

/** A customer's window, as far as it is heard and hears. */
async function windowOf({ id, token }) {
  const client = createClient(API_URL, ANON_KEY, { auth: { persistSession: false, storageKey: id } });
  clients.push(client);
  await client.realtime.setAuth(token);
  const heard = [];
  const channel = client.channel(`conversation:${id}:typing`, { config: { private: true, presence: { key: "customer" } } });
  channel.on("broadcast", { event: "typing" }, ({ payload }) => heard.push(payload.is_typing));
  channel.on("presence", { event: "sync" }, () => {});
  await new Promise((resolve) => channel.subscribe((state) => state === "SUBSCRIBED" && resolve()));
  await channel.track({ role: "customer", name: "Vera" });
  const present = () => Object.values(channel.presenceState()).flat();
  const type = () => channel.send({ type: "broadcast", event: "typing", payload: { key: "customer", is_typing: true } });
  return { heard, present, type };
}

test("who else looks is seen, in the conversation and in the list", async () => {
  const { id } = await openedOn(page, other);
  await page.getByRole("region", { name: "Conversation" }).locator("header").getByText("Looking at this: Bo Berg").waitFor({ state: "attached" });
  await other.locator(`#row-${id}`).getByText("Looking at this: Ada Lovelace").waitFor({ state: "attached" });
  await other.goto(`${url}#/all`);
  await eventually(async () => (await page.getByText("Looking at this: Bo Berg").count()) === 0);
});

test("who types a reply is seen by the team and the customer; of a note, nobody hears", async () => {
  const customer = await openedOn(page, other);
  const theirs = await windowOf(customer);
  await eventually(() => theirs.present().filter(({ role }) => role === "agent").length === 2);
  const names = theirs.present().filter(({ role }) => role === "agent").map(({ name }) => name);
  deepEqual(names.sort(), ["Ada", "Bo"]); // no surname
  await page.getByRole("radio", { name: "Note" }).check();
  await page.getByRole("textbox", { name: "Note" }).pressSequentially("Between us");
  await page.getByRole("textbox", { name: "Note" }).fill("");
  await theirs.type();
  await page.getByText("Vera Visitor is typing").waitFor();
  deepEqual(theirs.heard, []);
  equal(await other.getByText("Writing a reply: Ada Lovelace").count(), 0);
  await page.getByRole("radio", { name: "Reply" }).check();
  await reply().pressSequentially("Dear");
  await other.getByText("Writing a reply: Ada Lovelace").waitFor();
  await eventually(() => theirs.heard.includes(true));
  await page.getByRole("radio", { name: "Note" }).check();
  await eventually(() => theirs.heard.at(-1) === false);
  await eventually(async () => (await other.getByText("Writing a reply").count()) === 0);
  await page.getByRole("radio", { name: "Reply" }).check();
  await reply().fill("");
});

test("what a colleague notes is seen by itself, and goes by itself", async () => {
  await openedOn(page, other);
  await other.getByRole("radio", { name: "Note" }).check();
  await other.getByRole("textbox", { name: "Note" }).fill("She called <img src=x onerror=window.pwned=1>");
  await other.keyboard.press("Enter");
  const note = page.getByRole("article", { name: "Note by Bo Berg" });
  await note.getByText("She called <img").waitFor();
  equal(await note.locator("img").count(), 0);
  await other.getByRole("button", { name: "Remove the note" }).click();
  await eventually(async () => (await note.count()) === 0);
  await other.getByRole("radio", { name: "Reply" }).check();
});

/** A few of our own, and nobody else's: the latest first. */
async function several(...names) {
  const word = `w${Math.random().toString(36).slice(2)}`;
  const all = [];
  for (const name of names) all.push(await visitor(`${word} from ${name}`, name));
  await page.goto(`${url}#/all?q=${word}`);
  await eventually(async () => (await page.locator("main li").count()) === names.length);
  await isLive(page);
  return all.reverse();
}
const pick = (name) => page.getByRole("checkbox", { name: `Select ${name}` });
const bar = () => page.getByRole("toolbar", { name: "What is selected" });
const are = (rows, check) => eventually(async () => (await Promise.all(rows.map(({ id }) => conversation(id)))).every(check));

test("several rows are assigned, tagged and resolved by the mouse, and all of it is taken back", async () => {
  const [first, second, third] = await several("Nell", "Owen", "Pia");
  const all = [first, second, third];
  await pick(first.name).click();
  await pick(third.name).click({ modifiers: ["Shift"] });
  await bar().getByText("3 selected").waitFor();
  await bar().getByRole("combobox", { name: "Assign" }).selectOption(bo.id);
  await page.getByText("3 assigned.").waitFor();
  await are(all, ({ assigned_agent_id }) => assigned_agent_id === bo.id);
  equal(await bar().count(), 0);
  await page.getByRole("button", { name: "Undo" }).click();
  await are(all, ({ assigned_agent_id }) => assigned_agent_id === null);
  await update(`conversations?id=eq.${first.id}`, { tags: ["vip"] });
  await pick(first.name).click();
  await pick(second.name).click();
  await page.locator(`#row-${first.id}`).waitFor();
  await bar().getByRole("textbox", { name: "Add a tag" }).fill("vip");
  await page.keyboard.press("Enter");
  await are([first, second], ({ tags }) => tags.join() === "vip");
  await page.getByRole("button", { name: "Undo" }).click();
  await are([second], ({ tags }) => tags.length === 0);
  deepEqual((await conversation(first.id)).tags, ["vip"]); // it had it before
  await update(`conversations?id=eq.${second.id}`, { requires_human: true });
  for (const { name } of all) await pick(name).click();
  await bar().getByRole("button", { name: "Resolve" }).click();
  await page.getByText("3 resolved.").waitFor();
  await are(all, ({ status }) => status === "resolved");
  await page.getByRole("button", { name: "Undo" }).click();
  await are(all, ({ status, requires_human }, at) => status === "active" && requires_human === (at === 1));
});

test("several rows are picked and resolved by keys alone, and one that fails is told", async () => {
  const [first, second, third] = await several("Quin", "Rosa", "Sam");
  await page.locator(`#row-${first.id}`).focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowDown");
  await bar().getByText("2 selected").waitFor();
  await page.keyboard.press("x"); // the one that has the focus
  await bar().getByText("1 selected").waitFor();
  await page.keyboard.press("Escape");
  equal(await bar().count(), 0);
  await page.keyboard.press("x");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("l");
  await page.keyboard.type("late");
  await page.keyboard.press("Enter");
  await are([second, third], ({ tags }) => tags.includes("late"));
  await page.route("**/rpc/resolve_conversation", (route) =>
    route.request().postData().includes(second.id)
      ? route.fulfill({ status: 403, json: { code: "PT403", message: "not you", details: "staff_only", hint: null } })
      : route.continue(),
  );
  for (const { id } of [second, third]) {
    await page.locator(`#row-${id}`).focus();
    await page.keyboard.press("x");
  }
  await page.keyboard.press("e");
  await page.getByText("1 resolved. The others failed: not you").waitFor();
  await are([third], ({ status }) => status === "resolved");
  equal((await conversation(first.id)).status, "active");
  equal((await conversation(second.id)).status, "active");
  await page.keyboard.press("Escape");
});

test("the customer's profile is edited, and seen wherever they are", async () => {
  const { id } = await openedOn(page);
  const { customer_id } = await conversation(id);
  await update(`customer_profiles?id=eq.${customer_id}`, { verified_id: `page-${id}`, custom_fields: { plan: "basic", seats: 3 } });
  await update(`conversations?id=eq.${id}`, { answer_email: "left-here@example.com" });
  await page.reload();
  const panel = page.getByRole("complementary", { name: "Customer" });
  for (const fact of ["basic", `page-${id}`, "left-here@example.com"]) await panel.getByText(fact).waitFor();
  await panel.getByRole("button", { name: "Edit the customer" }).click();
  await panel.getByLabel("Name", { exact: true }).fill("Vera Lind");
  await panel.getByLabel("Company").fill("Lind & Co");
  await panel.getByLabel("Value of plan").fill("pro");
  await panel.getByRole("button", { name: "Add a field" }).click();
  await panel.getByLabel("What it is").last().fill("Since");
  await panel.getByLabel("Value of Since").fill("2019");
  // A colleague writes meanwhile what this one does not touch.
  const phone = `+49 170 ${Math.random().toString().slice(2, 10)}`;
  await update(`customer_profiles?id=eq.${customer_id}`, { phone, custom_fields: { plan: "basic", seats: 4 } });
  await panel.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  const [profile] = await read(`customer_profiles?id=eq.${customer_id}`);
  deepEqual([profile.name, profile.company, profile.phone], ["Vera Lind", "Lind & Co", phone]);
  deepEqual(profile.custom_fields, { plan: "pro", seats: 4, Since: "2019" });
  await page.locator(`#row-${id}`).getByText("Vera Lind").waitFor();
  await page.getByRole("heading", { name: "Vera Lind", level: 1 }).waitFor();
  await panel.getByRole("button", { name: "Edit the customer" }).click();
  const taken = await account("Tim Taken");
  await update(`customer_profiles?id=eq.${(await conversation((await visitor("Me too")).id)).customer_id}`, { email: taken.email });
  await panel.getByLabel("E-mail").fill(taken.email);
  await panel.getByRole("button", { name: "Save" }).click();
  await panel.getByText("Another customer has this address or number.").waitFor();
  await panel.getByRole("button", { name: "Cancel" }).click();
});

test("a conversation that is deleted leaves the list, and says so where it is open", async () => {
  const { id } = await openedOn(page, other);
  await other.goto(`${url}#/all`);
  await isLive(other);
  await other.locator(`#row-${id}`).waitFor();
  await request(`/rest/v1/conversations?id=eq.${id}`, { method: "DELETE" });
  await page.getByText("There is no such conversation").waitFor();
  await eventually(async () => (await other.locator(`#row-${id}`).count()) === 0);
});
