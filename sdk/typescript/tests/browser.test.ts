/** The same in Chromium, where pages are served, frozen and go offline. */
import { deepEqual, match } from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";

import { type Browser, chromium } from "playwright-core";
import type { Romashka } from "romashka";

import { openNetwork } from "./network.js";
import { newCustomer, newIdentifier, quietConversation, service } from "./project.js";
import { ANON_KEY, API_URL } from "./settings.js";

const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking" +
  " --disable-component-update --disable-sync";
const SUPABASE = new URL(import.meta.resolve("@supabase/supabase-js"));
const PAGE = `<!doctype html><script src="/supabase.js"></script>
  <script type="importmap">{"imports": {"romashka": "/dist/index.js"}}</script>`;

declare global {
  /** What the page has seen. */
  var seen: string[];
  var supabase: { createClient: typeof import("@supabase/supabase-js").createClient };
}

/** The page with an inbox of the documentation, for this project. */
async function servedExample(path: string): Promise<string> {
  if (path !== "/inbox.js")
    return `<!doctype html><div id="root"></div><script type="module" src="/inbox.js"></script>`;
  const code = await readFile(process.env["INBOX_EXAMPLE"]!, "utf8");
  return code.replace("http://127.0.0.1:54321", API_URL).replace("the anon key", ANON_KEY);
}

async function serve(): Promise<string> {
  const server = createServer(async (request, response) => {
    const path = request.url!;
    if (path.startsWith("/inbox")) {
      response.setHeader("content-type", path === "/inbox.js" ? "text/javascript" : "text/html");
      return void response.end(await servedExample(path));
    }
    const file = path.startsWith("/dist/")
      ? new URL(`..${path}`, import.meta.url)
      : new URL("umd/supabase.js", SUPABASE);
    const type = path === "/" ? "text/html" : "text/javascript";
    response.setHeader("content-type", type);
    response.end(path === "/" ? PAGE : await readFile(file).catch(() => ""));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function openBrowser(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"]!;
  const browser = await chromium.launch({ executablePath, args: FLAGS.split(" ") });
  after(() => browser.close());
  return browser;
}

async function openPage(browser: Browser, projectUrl: string) {
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(await serve());
  const conversationId = await page.evaluate(
    async ([url, key, identifier]) => {
      const sdk = await import("romashka");
      const client: Romashka = new sdk.Romashka(supabase.createClient(url, key));
      await client.signInAnonymously();
      const conversation = await client.conversations.create(identifier);
      globalThis.seen = [];
      void (async () => {
        for await (const { message } of conversation.events()) seen.push(message.content);
      })();
      return conversation.id;
    },
    [projectUrl, ANON_KEY, newIdentifier()] as const,
  );
  const conversation = await service.conversations.get(conversationId);
  await conversation.takeOver(); // nothing automatic comes between
  return { page, conversation };
}

test("a page sees each message once and in order: cut off, offline and frozen", async () => {
  const network = await openNetwork(API_URL);
  const browser = await openBrowser();
  const { page, conversation } = await openPage(browser, network.url);
  const devtools = await page.context().newCDPSession(page);
  const sent: string[] = [];
  const send = async (...texts: string[]) => {
    for (const text of texts) sent.push((await conversation.send(text)).content);
  };
  const isSeen = () => page.waitForFunction((count) => seen.length >= count, sent.length);

  await send("first");
  await isSeen();
  network.refuse(true);
  network.cut();
  await send("cut off 1", "cut off 2");
  network.refuse(false);
  await isSeen();
  await page.context().setOffline(true);
  await send("offline 1", "offline 2");
  await page.context().setOffline(false);
  await isSeen();
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  await send("frozen");
  network.cut();
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await isSeen();
  await send("last");
  await isSeen();

  deepEqual(await page.evaluate(() => seen), sent);
});

test("the inbox of the documentation says who may not sign in, and shows and sends messages", async () => {
  const email = "mara@example.com";
  const text = `Where is ${newIdentifier()}?`;
  const conversation = await quietConversation(await newCustomer(), text);
  const page = await (await openBrowser()).newPage();
  const address = `${await serve()}inbox`;
  await page.goto(address);
  match((await page.getByRole("alert").textContent())!, /Invalid login credentials/);

  const { auth } = service.supabase;
  const made = await auth.admin.createUser({ email, password: "romashka", email_confirm: true });
  await service.call("set_staff_role", { user_id: made.data.user!.id, role: "agent" });
  await page.goto(address);
  await page.getByRole("button", { name: text }).click();
  await page.locator("p", { hasText: text }).waitFor();
  await page.getByRole("button", { name: "Say hello" }).click();
  await page.locator("p", { hasText: /^Hello\.$/ }).waitFor();
  await auth.admin.deleteUser(made.data.user!.id);

  deepEqual(
    (await conversation.messages()).map(({ content }) => content),
    [text, "Hello."],
  );
});
