// Anybody's page: the widget neither suffers from it, nor harms it.
import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";

import { API_URL, conversationOf, eventually, files, hands, open, page, visit, workerOf } from "./pages.mjs";

/** A question, and its answer: all of the way there and back. */
async function talk(customer) {
  await customer.chat();
  await customer.say("Does it work here?");
  const { id } = await conversationOf(customer);
  const worker = await workerOf(id);
  await customer.hears({ id });
  await worker.begin();
  await worker.write("It does");
  await customer.dialog.getByText("It does").waitFor();
  await worker.settle({ ai_response: "It does.", confidence: 0.9 });
  await customer.said("It does.").waitFor();
  return id;
}

const boxOf = (locator) => locator.evaluate((element) => element.getBoundingClientRect().toJSON());

test("hostile styles", async () => {
  const head = `<style>
    * { color: red !important; font-size: 3px !important; letter-spacing: 9px !important; transition: all 9s !important }
    html { font-size: 4px; line-height: 4 } body { transform: scale(0.5); filter: blur(1px); overflow: hidden; contain: strict }
    div, div * { opacity: 0.1 !important; position: static !important; visibility: hidden !important; float: left !important }
    body > div { display: none !important; width: 3px !important; pointer-events: none !important; inset: 0 !important }
    button, textarea { all: unset !important; display: none !important }
    [popover] { display: none !important } :host { display: none } .window, .launcher, .bubble { display: none !important }
  </style>`;
  const customer = await visit(await page({ head }), { viewport: { width: 1000, height: 800 } });
  const { right, bottom, width } = await boxOf(customer.launcher);
  deepEqual([right, bottom, width], [980, 780, 56]);
  await talk(customer);
  const box = await boxOf(customer.dialog);
  deepEqual([box.right, box.width, box.height], [980, 392, 640]);
  const looks = await customer.said("It does.").evaluate((element) => {
    const { fontSize, color, letterSpacing, visibility } = getComputedStyle(element);
    return { fontSize, color, letterSpacing, visibility };
  });
  deepEqual(looks, { fontSize: "15px", color: "rgb(28, 27, 24)", letterSpacing: "normal", visibility: "visible" });
});

test("a strict policy, and Trusted Types", async () => {
  const socket = API_URL.replace(/^http/, "ws");
  const policy =
    `default-src 'none'; script-src ${await files()}; connect-src ${API_URL} ${socket}; img-src ${API_URL};` +
    " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
  const customer = await visit(await page({ headers: { "content-security-policy": policy } }));
  await talk(customer);
  const buffer = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");
  await customer.dialog.locator("input[type=file]").setInputFiles({ name: "a.png", mimeType: "image/png", buffer });
  await customer.say("<img src=x onerror=alert(1)> https://example.com");
  const picture = customer.dialog.getByRole("img", { name: "Picture: a.png" });
  await eventually(() => picture.evaluate(({ naturalWidth }) => naturalWidth === 1));
  await customer.said("<img src=x onerror=alert(1)>").waitFor();
  deepEqual(customer.troubles, []);
});

test("an old page that changes what everything is made of", async () => {
  const head = `<script>
    Object.prototype.extend = function () {}; Array.prototype.each = function () {}; Function.prototype.defer = function () {};
    Array.prototype.toJSON = function () { return "[" + this.map(function (each) { return JSON.stringify(each); }).join(", ") + "]"; };
    String.prototype.strip = function () {}; Element.prototype.show = Element.prototype.hide = function () {};
    Element.prototype.remove = function () { throw new Error("ours"); };
    window.$ = window.jQuery = function () { return {}; }; window.h = window.render = window.open_ = 1;
  </script>`;
  const customer = await visit(await page({ head }));
  await talk(customer);
  await customer.dialog.locator("input[type=file]").setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("a") });
  await customer.say("With a file");
  await customer.dialog.getByRole("link", { name: "a.txt" }).waitFor();
  deepEqual(customer.troubles, []);
});

test("in a frame of another origin", async () => {
  const shop = await page();
  const outer = await page({ body: `<iframe src="${shop.replace("127.0.0.1", "localhost")}" width="600" height="700"></iframe>`, more: "hidden" });
  const visitor = await open(outer);
  const frame = visitor.frameLocator("iframe");
  await frame.locator(".launcher").click();
  await frame.getByRole("textbox").fill("From a frame");
  await frame.getByRole("textbox").press("Enter");
  await frame.getByText("Sent ·").waitFor();
  deepEqual(visitor.troubles, []);
});

test("a router that takes off all that it does not know, and one that runs the tag again", async () => {
  const customer = await visit(await page());
  const id = await talk(customer);
  await customer.field.fill("Half a sentence");
  await customer.evaluate(() => document.body.replaceChildren(document.createElement("main")));
  await customer.said("It does.").waitFor();
  equal(await customer.field.inputValue(), "Half a sentence");
  await customer.evaluate(() => {
    document.body = document.createElement("body");
  });
  await customer.said("It does.").waitFor();
  await customer.say("Still here");
  await customer.said("Still here").waitFor();
  equal((await conversationOf(customer)).id, id);
  for (const project of [API_URL, "https://example.com"]) {
    await customer.evaluate(
      async ([src, given]) => {
        const script = document.createElement("script");
        Object.assign(script.dataset, { project: given, key: "another" });
        const ran = new Promise((done) => (script.onload = done));
        document.body.append(Object.assign(script, { src }));
        await ran;
      },
      [`${await files()}/romashka-widget.js`, project],
    );
    equal(await customer.locator(".launcher").count(), 1);
    equal(await customer.dialog.count(), project === API_URL ? 1 : 0); // what is open stays open
  }
  await customer.evaluate(() => RomashkaWidget.destroy());
  equal(await customer.locator(".launcher").count(), 0);
  await customer.evaluate(() => document.body.replaceChildren());
  equal(await customer.locator(".launcher").count(), 0);
  deepEqual(customer.troubles, []);
});

test("a window that does not load says so, and is loaded at the next try", async () => {
  const customer = await visit(await page());
  await customer.route("**/romashka-window-*", (route) => route.abort());
  await customer.launcher.click();
  await customer.getByRole("alert").getByText("It did not load.").waitFor();
  await customer.unroute("**/romashka-window-*");
  await customer.chat();
  equal(await customer.getByRole("alert").count(), 0);
});

test("what the page has of it", async () => {
  const customer = await visit(await page({ head: "<script>var before = Object.keys(window).length</script>" }));
  await customer.launcher.waitFor();
  const added = await customer.evaluate(() => Object.keys(window).slice(before).filter((name) => name !== "before"));
  deepEqual(added, ["RomashkaWidget"]);
  await customer.evaluate(() => {
    globalThis.told = [];
    for (const name of ["open", "close", "message", "unread"])
      RomashkaWidget.on(name, (what) => told.push(what?.text ?? name));
    RomashkaWidget.on("open", () => {
      throw new Error("the page's own trouble");
    });
    document.addEventListener("keydown", ({ key }) => told.push(key));
    RomashkaWidget.open("I look at the blue cup. ");
  });
  await customer.dialog.waitFor();
  equal(await customer.field.inputValue(), "I look at the blue cup. ");
  await customer.field.press("End");
  await customer.field.pressSequentially("s/");
  await customer.field.press("Enter");
  await customer.dialog.getByText("Sent ·").waitFor();
  await customer.field.press("Escape");
  await customer.dialog.waitFor({ state: "detached" });
  ok(await customer.evaluate(() => document.activeElement.shadowRoot.activeElement.matches(".launcher")));
  const told = await customer.evaluate(() => globalThis.told);
  deepEqual(told.filter((each) => each !== "unread"), ["open", "I look at the blue cup. s/", "close"]);
  deepEqual(customer.troubles.splice(0), ["the page's own trouble"]);
});

test("a small phone: all of the screen, above the keyboard, and nothing zooms or moves", async () => {
  const customer = await visit(await page(), { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true, reducedMotion: "reduce" });
  await talk(customer);
  const { x, y, width, height } = await boxOf(customer.dialog);
  deepEqual([x, y, width, height], [0, 0, 320, 568]);
  const wide = await customer.dialog.evaluate((dialog) => [...dialog.querySelectorAll("*:not(.heard):not(.heard *)")].filter((each) => each.getBoundingClientRect().right > 320).length);
  equal(wide, 0);
  const small = await customer.dialog.evaluate((dialog) =>
    [...dialog.querySelectorAll("button, textarea")].filter((each) => each.offsetParent && (each.offsetWidth < 24 || each.offsetHeight < 24)).length,
  );
  equal(small, 0);
  equal(await customer.field.evaluate((field) => getComputedStyle(field).fontSize), "16px");
  const moving = await customer.dialog.evaluate((dialog) => dialog.getRootNode().getAnimations().length);
  equal(moving, 0);
  await customer.evaluate(() => {
    Object.defineProperty(visualViewport, "height", { get: () => 280 });
    visualViewport.dispatchEvent(new Event("resize"));
  });
  const box = await boxOf(customer.field);
  ok(box.bottom <= 280, JSON.stringify(box));
  await customer.dialog.getByRole("button", { name: "Close chat" }).click();
  await customer.launcher.waitFor();
});

test("it moves nothing, and takes no time before it is opened", async () => {
  const [shop, blank] = [await page({ body: "<h1>A shop</h1>".repeat(50) }), await page({ body: "<h1>A shop</h1>".repeat(50), more: 'type="text/plain"' })];
  const busy = async (url) => {
    const visitor = await open("about:blank");
    const tools = await visitor.context().newCDPSession(visitor);
    await tools.send("Performance.enable", { timeDomain: "threadTicks" }); // whatever else the machine does
    await visitor.addInitScript(() => {
      globalThis.shifts = 0;
      new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (shifts += value))).observe({ type: "layout-shift", buffered: true });
    });
    await visitor.goto(url, { waitUntil: "load" });
    await visitor.waitForTimeout(250);
    const { metrics } = await tools.send("Performance.getMetrics");
    if (url === shop) {
      await hands(visitor).chat();
      equal(await visitor.evaluate(() => shifts), 0);
    }
    await visitor.context().close();
    return metrics.find(({ name }) => name === "TaskDuration").value * 1000;
  };
  const [without, withIt] = [[], []];
  for (let round = 0; round < 3; round += 1) {
    without.push(await busy(blank));
    withIt.push(await busy(shop));
  }
  const least = (all) => Math.min(...all);
  ok(least(withIt) - least(without) <= 30, `${least(withIt)} against ${least(without)} ms`);
  console.log(`before it is opened: ${(least(withIt) - least(without)).toFixed(1)} ms`);
});
