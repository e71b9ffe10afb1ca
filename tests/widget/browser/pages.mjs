// Pages of anybody's, each an origin of its own, with the widget on them as it is built.
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { after } from "node:test";

import { RealtimeClient } from "@supabase/realtime-js";

import { eventually, open } from "../../inbox/browser/browser.mjs";
import { account, ANON_KEY, API_URL, call, insert, read, request, update, workerOf as claim } from "../../inbox/browser/project.mjs";

export { account, ANON_KEY, API_URL, call, eventually, insert, open, read, request, update };

const TYPES = { ".js": "text/javascript", ".html": "text/html" };
const servers = [];
after(() => servers.forEach((server) => (server.closeAllConnections(), server.close())));

async function listen(answer) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return `http://127.0.0.1:${server.address().port}`;
}

let host;
/** Where the widget's files are, for pages of any origin. */
export function files() {
  host ??= listen(async ({ url }, response) => {
    const path = join(process.env.WIDGET, normalize(new URL(url, "http://localhost").pathname));
    const content = await readFile(path).catch(() => null);
    if (content === null) return response.writeHead(404).end();
    response.setHeader("content-type", TYPES[extname(path)] ?? "text/plain");
    response.setHeader("access-control-allow-origin", "*");
    response.end(content);
  });
  return host;
}

/** The tag that a page puts in; `project` and `key` are the tests' own. */
export async function tag(more = "") {
  const source = `${await files()}/romashka-widget.js`;
  return `<script async src="${source}" data-project="${API_URL}" data-key="${ANON_KEY}" ${more}></script>`;
}

/** Serve a page at any path: its head, its body, and the headers that it comes with. */
export async function page({ head = "", body = "<h1>A shop</h1><p>Cups and saucers.</p>", headers = {}, more } = {}) {
  const script = await tag(more);
  return listen((_, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers });
    response.end(
      `<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width"><title>Shop</title>${head}</head><body>${body}${script}</body></html>`,
    );
  });
}

/** The page with the widget on it, and hands for it. */
export async function visit(url, options = {}) {
  return hands(await open(url, options));
}

export function hands(page) {
  const launcher = page.locator(".launcher");
  const joined = new Set();
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => {
      const [, topic] = /"realtime:(conversation:[-0-9a-f]{36})","phx_reply",\{"status":"ok"/.exec(payload) ?? [];
      if (topic) joined.add(topic);
    }),
  );
  const dialog = page.getByRole("dialog");
  const field = dialog.locator("textarea");
  return Object.assign(page, {
    launcher,
    dialog,
    field,
    chat: async () => {
      await launcher.click();
      await dialog.waitFor();
    },
    say: async (text) => {
      await field.fill(text);
      await field.press("Enter");
    },
    /** What is written of a reply is sent once: wait until it is heard. */
    hears: ({ id }) => eventually(() => joined.has(`conversation:${id}`)),
    said: (text) => dialog.locator("li[data-id]").getByText(text),
    /** What the browser keeps: the visitor's `session`, or the one of a customer whom a page `signed`. */
    session: (kind = "session") =>
      page.evaluate((what) => {
        const name = Object.keys(localStorage).find((each) => each.endsWith(`:${what}`));
        return name ? JSON.parse(localStorage.getItem(name)) : null;
      }, kind),
  });
}

let secret;
/** Give the page's server a secret that it signs its customers with. */
export async function newSecret() {
  secret = await call("rotate_identity_secret");
}

/** What the page's server gives to the page. */
export function signed(id = randomUUID()) {
  const expiresAt = Math.floor(Date.now() / 1000) + 600;
  return { id, hmac: createHmac("sha256", secret).update(`${id}\n${expiresAt}`).digest("hex"), expiresAt };
}

/** Let the page name its customer. */
export async function identify(page, who) {
  await page.launcher.waitFor();
  await page.evaluate((given) => RomashkaWidget.identify(given), who);
}

/** The conversation that the widget on a page is in. */
export async function conversationOf(page) {
  return eventually(async () => {
    const session = await page.session();
    if (!session) return null;
    const [row] = await read(
      `conversations?select=*,customer_profiles!inner(user_id)&customer_profiles.user_id=eq.${session.userId}&order=created_at.desc`,
    );
    return row ?? null;
  });
}

/** The worker of a conversation: somebody else may have it at that instant, and then it settles again. */
export async function workerOf(id) {
  const worker = await claim(id);
  return { ...worker, settle: (result) => eventually(async () => (await worker.settle(result))[0].settled) };
}

/** One of the team, who writes. */
export async function agent(name = "Ada Agent") {
  const person = await account(name, "agent");
  const { access_token: token } = await request("/auth/v1/token?grant_type=password", {
    token: ANON_KEY,
    body: { email: person.email, password: person.password },
  });
  const write = async (id, content) => {
    const [row] = await insert("messages", { conversation_id: id, sender_type: "agent", content }, token);
    return row;
  };
  return { ...person, token, write, join: (id) => joined(id, token, name) };
}

/** Be in a conversation, as an inbox is: seen, and seeing who types. */
async function joined(id, token, name) {
  const url = `${API_URL.replace(/^http/, "ws")}/realtime/v1`;
  const socket = new RealtimeClient(url, { params: { apikey: ANON_KEY }, accessToken: async () => token });
  await socket.setAuth();
  const key = randomUUID();
  const channel = socket.channel(`conversation:${id}:typing`, { config: { private: true, presence: { key } } });
  const typed = [];
  channel.on("presence", { event: "sync" }, () => {});
  channel.on("broadcast", { event: "typing" }, ({ payload }) => typed.push(payload));
  await new Promise((live) => channel.subscribe((state) => state === "SUBSCRIBED" && live()));
  await channel.track({ role: "agent", name });
  const type = () => channel.send({ type: "broadcast", event: "typing", payload: { key, is_typing: true } });
  const others = () => Object.values(channel.presenceState()).flat();
  return { typed, type, others, leave: () => socket.disconnect() };
}
