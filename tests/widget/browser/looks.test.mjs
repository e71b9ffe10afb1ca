// It is read in twelve languages, in both directions, light and dark, and by those who see nothing of it.
import { deepEqual, equal } from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { agent, API_URL, call, conversationOf, insert, page, request, update, visit, workerOf } from "./pages.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** With a folder, pictures are taken: `PICTURES=docs/pictures`; of a stack that serves the shop, too. */
const { PICTURES } = process.env;
if (PICTURES) await mkdir(PICTURES, { recursive: true });

/** Long words, long lines, other letters, the other direction; that all twelve say everything is tried without a browser. */
const LANGUAGES = "ar de fr ja uk".split(" ");

test("a language fits where it is 320 px wide, and reads in its direction", async () => {
  const shop = await page();
  for (const locale of LANGUAGES) {
    const customer = await visit(shop, { locale, viewport: { width: 320, height: 568 } });
    await customer.chat();
    equal(await customer.dialog.getAttribute("lang"), locale);
    equal(await customer.dialog.getAttribute("dir"), locale === "ar" ? "rtl" : "ltr");
    const over = await customer.dialog.evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth);
    equal(over, 0, locale);
    deepEqual(customer.troubles, []);
    await customer.context().close();
  }
});

for (const [locale, colorScheme] of [
  ["en", "light"],
  ["ar", "dark"],
]) {
  test(`axe finds nothing in it: ${locale}, ${colorScheme}`, async () => {
    const ada = await agent();
    const customer = await visit(await page(), { locale, colorScheme, reducedMotion: "reduce" });
    await customer.evaluate(AXE);
    const broken = async () => {
      const { violations } = await customer.evaluate(() => globalThis.axe.run(document.querySelector("[popover]")));
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 150)).join(" | ")}`);
    };
    await customer.chat();
    await customer.say("Hello! My order 4711 has not arrived.");
    const { id } = await conversationOf(customer);
    const worker = await workerOf(id);
    const choices = [
      { label: "Where is my parcel?", item_id: null },
      { label: "None of these", item_id: null },
    ];
    await worker.settle({ ai_response: "Which of these do you mean?\n\n1. Where is my parcel?\n2. None of these", confidence: 0.5, choices });
    await customer.dialog.locator(".choices").waitFor();
    deepEqual(await broken(), []);
    await ada.write(id, "Here is Ada.");
    await call("resolve_conversation", { conversation_id: id }, ada.token);
    await customer.dialog.locator(".person").waitFor();
    await customer.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await customer.dialog.locator(".rating").waitFor();
    await customer.say("x".repeat(5_000));
    await customer.dialog.locator(".failed").waitFor();
    deepEqual(await broken(), []);
    await customer.dialog.locator(".head button").first().click();
    await customer.dialog.locator(".list").waitFor();
    deepEqual(await broken(), []);
  });
}

test("what the project says of its looks is seen at the next opening", async () => {
  const customer = await visit(await page());
  await customer.chat();
  await customer.dialog.getByText("Hello! How can we help?").waitFor();
  await customer.dialog.press("Escape");
  const before = { texts: {}, color: "#1f5fd0", text_color: "#ffffff", languages: [] };
  const day = new Date(Date.now() + 2 * 86_400_000).getUTCDay() || 7;
  const hours = { timezone: "UTC", days: [day], from: "09:00", to: "10:00" };
  const [{ id }] = await insert("business_hours", { channel_type: "website", hours, away_texts: {} });
  await update("widget_settings?id=eq.true", {
    texts: { en: { title: "Ask Moosgarten", greeting: "Good day!" } },
    color: "#1c6848",
    languages: ["de", "en"],
  });
  try {
    await customer.route("**/get_widget_settings*", (route) => route.continue({ headers: { ...route.request().headers(), "cache-control": "no-cache" } }));
    await customer.chat();
    await customer.dialog.getByText("Good day!").waitFor();
    await customer.dialog.getByText(/^Our team is back \w+.* 9:00/).waitFor();
    await customer.dialog.getByRole("heading", { name: "Ask Moosgarten" }).waitFor();
    equal(await customer.launcher.evaluate((button) => getComputedStyle(button).backgroundColor), "rgb(28, 104, 72)");
    const french = await visit(await page(), { locale: "fr" });
    await french.chat();
    equal(await french.dialog.getAttribute("lang"), "de"); // the first is for who speaks none of them
  } finally {
    await update("widget_settings?id=eq.true", before);
    await request(`/rest/v1/business_hours?id=eq.${id}`, { method: "DELETE" });
  }
});

/** The conversation of the inbox's picture, as its customer sees it. */
if (PICTURES)
  for (const colorScheme of ["light", "dark"])
    test(`a picture, ${colorScheme}`, async () => {
      await update("widget_settings?id=eq.true", { color: "#2f6b45" });
      const customer = await visit(`${API_URL}/widget/`, { colorScheme, viewport: { width: 1280, height: 760 }, reducedMotion: "reduce" });
      await customer.chat();
      await customer.say("Hello, my order 4711 has not arrived yet. Where is it?");
      const { id } = await conversationOf(customer);
      const first = await workerOf(id);
      await first.settle({ ai_response: "It left our warehouse on Monday, and should be with you on Thursday.", confidence: 0.87 });
      await customer.said("It left our warehouse").waitFor();
      await customer.say("Thursday is fine. Which carrier is it, so that I can follow it?");
      const worker = await workerOf(id);
      await worker.begin();
      await worker.write("PostNord has it. The number to follow it by is in the mail that you got on");
      await customer.dialog.getByText("PostNord has it.").waitFor();
      await customer.screenshot({ path: join(PICTURES, `widget-${colorScheme}.png`) });
      deepEqual(customer.troubles, []);
    });
