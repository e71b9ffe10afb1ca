// What a team sets up for itself, by its admins; and what agents see of it.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { before, test } from "node:test";

import { eventually, openAs, serve, sessionOf } from "./browser.mjs";
import { account, ANON_KEY, API_URL, read, update } from "./project.mjs";

let ada;
let bo;
let url;
before(async () => {
  [ada, bo] = await Promise.all([account("Ada Agent", "agent"), account("Bo Berg", "admin")]);
  [ada.session, bo.session] = await Promise.all([sessionOf(ada), sessionOf(bo)]);
  url = await serve();
});

const part = (page, name) => page.getByRole("tab", { name }).click();
async function openedBy(person) {
  const page = await openAs(person, "", { url });
  await page.getByRole("button", { name: person.name }).click();
  await page.getByRole("button", { name: "Team and settings" }).click();
  const dialog = page.getByRole("dialog", { name: "Team and settings" });
  await dialog.getByText(person.email).waitFor();
  return { page, dialog };
}

test("an admin gives roles and invites; nobody changes their own", async () => {
  const { page, dialog } = await openedBy(bo);
  equal(await dialog.getByRole("combobox", { name: "Role of Bo Berg" }).and(dialog.locator(":disabled")).count(), 1);
  const row = dialog.getByRole("listitem").filter({ hasText: ada.email });
  await row.getByRole("combobox").selectOption("admin");
  await eventually(async () => (await read(`profiles?id=eq.${ada.id}`))[0].role === "admin");
  await row.getByRole("combobox").selectOption("agent");
  await eventually(async () => (await read(`profiles?id=eq.${ada.id}`))[0].role === "agent");
  const email = `new-${ada.email}`;
  await dialog.getByLabel("E-mail", { exact: true }).fill(email);
  await dialog.getByRole("button", { name: "Invite", exact: true }).click();
  await dialog.getByText(`${email} is on the team once they have signed up.`).waitFor();
  await dialog.getByRole("button", { name: `Take the invitation of ${email} back` }).click();
  await eventually(async () => (await read(`staff_invitations?email=eq.${email}`)).length === 0);
  const cy = await account("Cy Customer");
  await dialog.getByLabel("E-mail", { exact: true }).fill(cy.email);
  await dialog.getByRole("button", { name: "Invite", exact: true }).click();
  await dialog.getByText("This address has an account: Cy Customer.").waitFor();
  await dialog.getByRole("button", { name: "Give them the role" }).click();
  await eventually(async () => (await read(`profiles?id=eq.${cy.id}`))[0].role === "agent");
  deepEqual(page.troubles, []);
});

test("an admin says when the team is there, and what is said when it is not", async () => {
  const { dialog } = await openedBy(bo);
  await part(dialog, "Business hours");
  await dialog.getByLabel("For").selectOption("email");
  await dialog.getByRole("button", { name: "Add hours" }).click();
  await dialog.getByRole("checkbox", { name: "Saturday" }).check();
  await dialog.getByLabel("From").fill("10:00");
  await dialog.getByLabel("Time zone").fill("Europe/Berlin");
  await dialog.getByLabel("Closed on").fill("2026-12-25, 2026-12-26");
  await dialog.getByRole("combobox", { name: "Add own words for when nobody is there" }).selectOption("de");
  await dialog.getByLabel("When nobody is there, in German").fill("Wir sind {when} wieder da.");
  await dialog.getByRole("button", { name: "Save" }).click();
  const stored = () => read("business_hours?channel_type=eq.email");
  await eventually(async () => (await stored()).length === 1);
  const [{ hours, away_texts }] = await stored();
  deepEqual(hours.spans, [{ days: [1, 2, 3, 4, 5, 6], from: "10:00", to: "18:00" }]);
  deepEqual([hours.timezone, hours.closed, away_texts], ["Europe/Berlin", ["2026-12-25", "2026-12-26"], { de: "Wir sind {when} wieder da." }]);
  await dialog.page().getByText("Saved.").waitFor(); // until then the form is filled in anew
  await dialog.getByLabel("Time zone").fill("Mars/Olympus");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("That did not work").waitFor();
  await dialog.getByRole("button", { name: "Remove these hours" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await eventually(async () => (await stored()).length === 0);
});

test("an admin chooses how the widget looks and greets", async () => {
  const { page, dialog } = await openedBy(bo);
  const [before] = await read("widget_settings");
  await part(dialog, "Widget");
  await dialog.getByLabel("Colour", { exact: true }).fill("#1f5fd0");
  await dialog.getByRole("combobox", { name: "Add own words in a language" }).selectOption("it");
  await dialog.getByLabel("Greeting").last().fill("Ciao!");
  await dialog.getByRole("button", { name: "Save" }).click();
  await eventually(async () => (await read("widget_settings"))[0].texts.it?.greeting === "Ciao!");
  equal((await read("widget_settings"))[0].color, "#1f5fd0");
  await update("widget_settings?id=eq.true", { texts: before.texts, color: before.color });
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await dialog.getByRole("button", { name: "Copy" }).click();
  await page.getByText("Copied.").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  match(copied, /^<script async src="https:[^"]+\/romashka-widget\.js"\s+data-project="([^"]+)"\s+data-key="([^"]+)"><\/script>$/);
  ok(copied.includes(`"${API_URL}"`) && copied.includes(`"${ANON_KEY}"`), copied);
});

test("an agent sees who is on the team, and changes nothing", async () => {
  const { dialog } = await openedBy(ada);
  await dialog.getByText("Only admins can change this.").waitFor();
  equal(await dialog.getByRole("button", { name: "Invite", exact: true }).count(), 0);
  equal(await dialog.locator("select:enabled").count(), 0);
  await dialog.getByRole("tab", { name: "Team" }).focus();
  await dialog.page().keyboard.press("ArrowRight");
  await dialog.getByText("No hours").waitFor();
  equal(await dialog.getByRole("button", { name: "Save" }).count(), 0);
});
