// The built inbox, served as any host serves files, and pages of Chromium that show it.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { after, afterEach } from "node:test";

import { chromium } from "playwright-core";

import { ANON_KEY, API_URL, request } from "./project.mjs";

const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking" +
  " --disable-component-update --disable-sync";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

const servers = [];
after(() => servers.forEach((server) => (server.closeAllConnections(), server.close())));

/** Serve a folder on a free port; `config` is what config.json says, or what answers for it. */
export async function serve(folder = process.env.INBOX, config = { url: API_URL, anonKey: ANON_KEY }) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/config.json") {
      if (config === null) return response.writeHead(404).end();
      return response.end(typeof config === "string" ? config : JSON.stringify(config));
    }
    const path = join(folder, normalize(pathname === "/" ? "/index.html" : pathname));
    const content = await readFile(path).catch(() => null);
    if (content === null) return response.writeHead(404).end();
    response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
    response.end(content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return `http://127.0.0.1:${server.address().port}/`;
}

let launched;
export async function launch() {
  launched ??= chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS.split(" ") });
  const browser = await launched;
  return browser;
}
after(async () => (await launched)?.close());

/** Return what supabase-js keeps of a session. */
export async function sessionOf({ email, password }) {
  const body = { email, password };
  return request("/auth/v1/token?grant_type=password", { token: ANON_KEY, body });
}

/** Open the inbox, signed in. */
export async function openAs(person, hash = "", options = {}) {
  const session = person.session ?? (await sessionOf(person));
  const url = options.url ?? (await serve());
  return open(url + hash, { ...options, session });
}

const contexts = [];
afterEach(() => Promise.all(contexts.splice(0).map((context) => context.close())));

/** Whatever a page complains of fails its test. */
const pages = [];
afterEach(() => {
  const troubles = pages.flatMap((page) => page.troubles.splice(0));
  if (troubles.length > 0) throw new Error(`a page complained: ${troubles.join(" | ")}`);
});

/** Open a page in a profile of its own; what it complains of is in `troubles`. */
export async function open(url, { session, isShared = false, ...options } = {}) {
  const browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB", ...options });
  if (!isShared) contexts.push(context); // else it goes with the browser
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.troubles = [];
  pages.push(page);
  page.on("pageerror", (error) => page.troubles.push(error.message));
  page.on("console", (message) => {
    const text = message.text();
    const isTrouble = message.type() === "error" && !/Failed to load resource|Failed to fetch|WebSocket connection/.test(text);
    if (isTrouble || /Content Security|Trusted/.test(text)) page.troubles.push(text);
  });
  if (session) {
    const kept = ["sb-127-auth-token", JSON.stringify(session)];
    // Once: a reload has what became of it.
    await page.addInitScript(([key, value]) => localStorage.getItem(key) ?? localStorage.setItem(key, value), kept);
  }
  await page.goto(url);
  return page;
}

/** Be somebody. */
export async function signIn(page, { email, password }) {
  await page.getByLabel("E-mail", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
}

/** Wait until a check holds; it may throw until then. */
export async function eventually(check, within = 10_000) {
  const end = Date.now() + within;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
      if (Date.now() > end) throw new Error(`it did not come true: ${check}`);
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What is said in the open conversation. */
export const said = (page, text) =>
  page.getByRole("region", { name: "Conversation" }).locator("article").getByText(text);

export const isLive = (page) => eventually(() => page.locator("[data-state=live], [data-state=again]").count());
