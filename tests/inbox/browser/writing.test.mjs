// What goes into a reply besides typing: saved replies, files; and what others see of it meanwhile.
import { deepEqual, equal, ok } from "node:assert/strict";
import { afterEach, before, test } from "node:test";

import { eventually, isLive, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, insert, read, update, visitor } from "./project.mjs";

let ada;
let url;
let page;
before(async () => {
  ada = await account("Ada Agent", "agent");
  ada.session = await sessionOf(ada);
  url = await serve();
  page = await openAs(ada, "#/all", { url, isShared: true });
});
afterEach(async () => {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  deepEqual(page.troubles, []);
});

const reply = (of = page) => of.getByRole("textbox", { name: "Reply" });
const has = (text) => eventually(async () => (await reply().inputValue()) === text);
const choices = () => page.getByRole("listbox", { name: "Saved replies" }).getByRole("option");
const storedBy = (id) => read(`messages?conversation_id=eq.${id}&sender_type=eq.agent&order=position`);

async function opened(text = "Hello there", name = "Vera Visitor") {
  const customer = await visitor(text, name);
  await page.goto(`${url}#/all/${customer.id}`);
  await said(page, text).waitFor();
  await isLive(page);
  return customer;
}

test("/ finds a saved reply as one types, in the customer's language, and fills it in", async () => {
  await insert("saved_replies", [
    { shortcut: "hours", title: "When we are there", content: "We are there from 9 to 5.", language: "en" },
    { shortcut: "hours", title: "Öffnungszeiten", content: "Von 9 bis 17 Uhr.", language: "de" },
    { shortcut: "hello", title: "hello", content: "Dear {{customer.first_name}}, {{agent.name}} here. {{customer.company}}", language: null },
  ]);
  const { id } = await opened("Guten Tag", "Vera Visitor");
  await update(`conversations?id=eq.${id}`, { language: "de" });
  await page.reload();
  await said(page, "Guten Tag").waitFor();
  await reply().pressSequentially("So: /zeit");
  await choices().first().waitFor();
  deepEqual(await choices().locator("bdi").allInnerTexts(), ["/hours", "Öffnungszeiten"]);
  await page.keyboard.press("Enter");
  await has("So: Von 9 bis 17 Uhr.");
  await reply().fill("");
  await reply().pressSequentially("/hello");
  await choices().first().waitFor();
  await page.keyboard.press("Tab");
  await has("Dear Vera, Ada Agent here. {{customer.company}}");
  await page.keyboard.press("Enter"); // what is not filled in is asked about
  await page.getByText("Not known, so not filled in: customer.company.").waitFor();
  equal((await storedBy(id)).length, 0);
  await page.getByRole("button", { name: "Keep writing" }).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("https://example.com/a /nothingofthekind");
  equal(await choices().count(), 0);
  await page.keyboard.press("Enter");
  await eventually(async () => (await storedBy(id)).length === 1);
});

test("saved replies are written, changed and removed by the team", async () => {
  await opened();
  await page.getByRole("button", { name: "Insert a saved reply" }).click();
  await page.getByRole("button", { name: "Edit saved replies" }).click();
  const dialog = page.getByRole("dialog", { name: "Saved replies" });
  await dialog.getByRole("button", { name: "New" }).click();
  await dialog.getByLabel("Shortcut").fill("two words");
  await dialog.getByLabel("Text").fill("Your refund is on its way, ");
  await dialog.getByRole("button", { name: "{{customer.name}}" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("The shortcut is one word").waitFor();
  await dialog.getByLabel("Shortcut").fill("/refund");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("button", { name: "Edit: /refund" }).click();
  await dialog.getByLabel("Title").fill("Money back");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("Money back").waitFor();
  await dialog.getByRole("button", { name: "New" }).click();
  await dialog.getByLabel("Shortcut").fill("Refund");
  await dialog.getByLabel("Text").fill("Again");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("/Refund has a reply in this language already.").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.keyboard.press("Escape");
  await reply().fill("");
  await reply().pressSequentially("/money");
  await choices().first().click();
  await has("Your refund is on its way, Vera Visitor");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("edit saved");
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Delete /refund" }).click();
  await eventually(async () => (await read("saved_replies?shortcut=eq.refund")).length === 0);
  await page.keyboard.press("Escape");
  await reply().fill("");
});
