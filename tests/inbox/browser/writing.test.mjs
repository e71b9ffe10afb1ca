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
  await reply().pressSequentially("So: /ffnungsz");
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

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const picture = (name) => ({ name, mimeType: "image/png", buffer: Buffer.from(PNG, "base64") });
const attach = () => page.locator("input[type=file]");
const chosen = () => page.getByRole("list", { name: "Files to send" }).getByRole("listitem");

/** Paste, or drop, files as a browser gives them. */
const give = (kind, files) =>
  reply().evaluate(
    (field, { kind, files }) => {
      const data = new DataTransfer();
      for (const { name, type, text } of files) data.items.add(new File([text], name, { type }));
      const options = { bubbles: true, cancelable: true };
      const event =
        kind === "paste" ? new ClipboardEvent("paste", { ...options, clipboardData: data }) : new DragEvent("drop", { ...options, dataTransfer: data });
      field.dispatchEvent(event);
    },
    { kind, files },
  );

test("files are chosen, pasted and dropped, and go with the message", async () => {
  const { id } = await opened();
  await attach().setInputFiles([picture("kettle.png")]);
  await give("paste", [{ name: "note.txt", type: "text/plain", text: "Hi" }]);
  await give("drop", [{ name: "page.html", type: "text/html", text: "<script>window.pwned = 1</script>" }]);
  await eventually(async () => (await chosen().count()) === 3);
  await reply().fill("Here it is");
  await reply().press("Enter");
  await eventually(async () => (await storedBy(id)).length === 3);
  equal(await chosen().count(), 0);
  const [first, second, third] = await storedBy(id);
  deepEqual([first.content, second.content, third.content], ["Here it is", "note.txt", "page.html"]);
  equal(first.message_type, "image");
  equal(third.metadata.attachment.content_type, "application/octet-stream"); // it is never run
  const bubbles = page.getByRole("region", { name: "Conversation" }).locator("article");
  const shown = bubbles.getByRole("img", { name: "kettle.png" });
  await eventually(() => shown.evaluate(({ naturalWidth }) => naturalWidth === 1));
  const link = bubbles.getByRole("link", { name: /page.html/ });
  ok((await link.getAttribute("href")).includes("download=page.html"));
  equal(await bubbles.locator("iframe, object, embed").count(), 0);
  equal(await page.evaluate(() => window.pwned), undefined);
});

test("an upload shows how far it is, is cancelled, and waits with its message", async () => {
  const { id } = await opened();
  const held = [];
  await page.route("**/storage/v1/object/conversation-attachments/**", (route) => held.push(route));
  await attach().setInputFiles([picture("one.png")]);
  await chosen().getByRole("progressbar", { name: "Uploading one.png" }).waitFor();
  await chosen().getByRole("button", { name: "Remove one.png" }).click();
  equal(await chosen().count(), 0);
  await attach().setInputFiles([picture("two.png")]);
  await reply().fill("With a picture");
  await reply().press("Enter");
  await said(page, "With a picture").waitFor();
  await said(page, "two.png").waitFor();
  equal((await storedBy(id)).length, 0);
  await eventually(() => held.length >= 2);
  await held.at(-1).continue();
  await eventually(async () => (await storedBy(id)).length === 1);
  await attach().setInputFiles([picture("three.png")]);
  await reply().fill("Never mind");
  await reply().press("Enter");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await eventually(async () => (await said(page, "Never mind").count()) === 0);
  equal((await storedBy(id)).length, 1);
});

test("a file that is refused says why and stays; one that could not be sent is sent again", async () => {
  const { id } = await opened();
  await attach().setInputFiles([{ name: "huge.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(11 * 1024 * 1024) }]);
  await chosen().getByText("It is larger than the project allows.").waitFor();
  await reply().fill("Without it");
  await reply().press("Enter");
  await eventually(async () => (await storedBy(id)).length === 1);
  equal((await storedBy(id))[0].media_url, null);
  await chosen().getByRole("button", { name: "Remove huge.bin" }).click();
  let isDown = true;
  await page.route("**/storage/v1/object/conversation-attachments/**", (route) => (isDown ? route.abort() : route.continue()));
  await attach().setInputFiles([picture("late.png")]);
  await chosen().getByText("No connection").waitFor();
  await reply().press("Enter");
  const failed = page.locator("article").filter({ hasText: "late.png" });
  await failed.getByText(/Not sent/).waitFor();
  isDown = false;
  await failed.getByRole("button", { name: "Try again" }).click();
  await eventually(async () => (await storedBy(id)).length === 2);
  await page.getByRole("img", { name: "late.png" }).waitFor();
});
