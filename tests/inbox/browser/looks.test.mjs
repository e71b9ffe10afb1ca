// Each component in each of its states: whoever cannot see it well can use it, and it stays within its bounds.
import { deepEqual, ok } from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { before, test } from "node:test";

import { open, serve } from "./browser.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
/** With a folder, pictures are taken: `PICTURES=inbox/pictures`. */
const { PICTURES } = process.env;
/** Stories are pieces of pages: there is no first heading, and more than one of what a page has once. */
const OF_PAGES = ["heading-order", "landmark-unique", "landmark-no-duplicate-main", "landmark-main-is-top-level", "landmark-complementary-is-top-level", "landmark-banner-is-top-level", "landmark-no-duplicate-banner", "page-has-heading-one", "region", "duplicate-id-aria", "duplicate-id"];

let url;
before(async () => {
  url = await serve(process.env.STORIES);
  if (PICTURES) await mkdir(PICTURES, { recursive: true });
});

const WIDTHS = PICTURES ? [360, 768, 1440] : [360, 1440];
for (const language of ["en", "ar"]) {
  for (const theme of ["light", "dark"]) {
    test(`stories in ${language}, ${theme}`, async () => {
      const page = await open(`${url}stories.html?language=${language}&theme=${theme}`, { reducedMotion: "reduce" });
      await page.locator("[data-story=rows] a").first().waitFor();
      await page.evaluate(AXE);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        deepEqual(await page.evaluate(wider), [], `at ${width} px`);
        if (PICTURES) await page.screenshot({ path: `${PICTURES}/${language}-${theme}-${width}.png`, fullPage: true });
      }
      deepEqual(await broken(page), []);
      for (const name of ["palette", "sheet", "saved-replies", "settings-hours", "settings-widget"]) {
        await page.goto(`${url}stories.html?language=${language}&theme=${theme}&story=${name}`);
        await page.locator("dialog[open]").waitFor();
        await page.evaluate(AXE);
        deepEqual(await broken(page), []);
        if (PICTURES) await page.screenshot({ path: `${PICTURES}/${language}-${theme}-${name}.png` });
      }
      deepEqual(page.troubles, []);
    });
  }
}

test("nothing is lost where the system chooses the colours", async () => {
  const page = await open(`${url}stories.html`, { forcedColors: "active", reducedMotion: "reduce" });
  await page.locator("[data-story=rows] a").first().waitFor();
  if (PICTURES) await page.screenshot({ path: `${PICTURES}/forced.png`, fullPage: true });
  const lines = await page.locator("[data-story=messages] article > div > div").evaluateAll((bubbles) =>
    bubbles.map((bubble) => getComputedStyle(bubble).borderTopStyle),
  );
  ok(lines.every((line) => line !== "none"), lines.join());
});

async function broken(page) {
  const rules = Object.fromEntries(OF_PAGES.map((id) => [id, { enabled: false }]));
  const { violations } = await page.evaluate((options) => globalThis.axe.run(options), { ...RULES, rules });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 160)} ${any[0]?.message ?? ""}`).join(" | ")}`);
}

/** What is wider than the page. */
function wider() {
  const most = document.documentElement.clientWidth;
  return [...document.querySelectorAll("[data-story]")]
    .filter((story) => story.scrollWidth > story.clientWidth + 1 || story.getBoundingClientRect().width > most)
    .map((story) => story.dataset.story);
}
