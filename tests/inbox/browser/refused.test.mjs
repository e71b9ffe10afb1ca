// Whatever the inbox asks of the project, the project refuses to anybody who is not on the team.
import { deepEqual, equal, ok } from "node:assert/strict";
import { before, test } from "node:test";

import { eventually, isLive, openAs, said, serve, sessionOf } from "./browser.mjs";
import { account, ANON_KEY, API_URL, read, visitor, workerOf } from "./project.mjs";

/** What the inbox asked for on a tour of all that it does: method, address and body, each kind once. */
let asked;
/** And what it listened to. */
const topics = new Set();
let customer;
before(async () => {
  const ada = await account("Ada Agent", "agent");
  customer = await visitor("Where is my parcel?");
  asked = await tour(ada, customer);
});

async function tour(ada, { id }) {
  const page = await openAs({ session: await sessionOf(ada) }, "", { url: await serve() });
  const requests = new Map();
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      const [, , topic, event] = `${payload}`.startsWith("[") ? JSON.parse(`${payload}`) : [];
      if (event === "phx_join") topics.add(topic.replace("realtime:", ""));
    }),
  );
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    if (!pathname.startsWith("/rest/v1/") || request.method() === "OPTIONS") return;
    const { prefer, ...rest } = request.headers();
    const kept = { prefer, range: rest["range"], "content-type": rest["content-type"] };
    const headers = Object.fromEntries(Object.entries(kept).filter(([, value]) => value));
    const one = { method: request.method(), path: pathname + search, body: request.postData(), headers };
    requests.set(`${one.method} ${pathname} ${Object.keys(JSON.parse(one.body ?? "{}"))}`, one);
  });
  await page.goto(page.url().replace(/#.*/, "") + `#/all/${id}`);
  await said(page, "Where is my parcel?").waitFor();
  await isLive(page);
  const worker = await workerOf(id);
  await worker.settle({ ai_response: "It is on its way.", confidence: 0.9 });
  await page.getByRole("button", { name: "Why?" }).click();
  await page.locator("dialog[open]").getByText("90%").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("t");
  await eventually(() => page.getByRole("textbox", { name: "Reply" }).evaluate((field) => field === document.activeElement));
  await page.keyboard.type("I have it.");
  await page.keyboard.press("Enter");
  await eventually(async () => (await read(`messages?conversation_id=eq.${id}&sender_type=eq.agent`)).length === 1);
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await page.keyboard.type("Nothing for customers");
  await page.keyboard.press("Enter");
  await page.getByRole("article", { name: /^Note/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("combobox", { name: "Priority" }).selectOption("high");
  await page.getByRole("combobox", { name: "Assignee" }).selectOption("");
  await page.getByRole("searchbox", { name: "Search" }).fill("parcel");
  await page.locator("main mark").first().waitFor();
  await page.getByRole("button", { name: "Clear the search" }).click();
  await page.getByRole("button", { name: "Return to the AI" }).click();
  await page.locator("body").press("e");
  await page.getByRole("button", { name: "Undo" }).waitFor();
  return [...requests.values()];
}

/** Ask the same as somebody else; return what came of it. */
async function askedAs(token, { method, path, body, headers }) {
  const all = { ...headers, apikey: ANON_KEY, authorization: `Bearer ${token}` };
  const answer = await fetch(API_URL + path, { method, body, headers: all });
  return { status: answer.status, text: await answer.text() };
}

/** Nothing was read but their own, if they have a conversation. */
function isNothing({ status, text }, own) {
  if (status >= 400) return [400, 401, 403, 404, 406].includes(status);
  const read_ = text === "" ? null : JSON.parse(text);
  if (Array.isArray(read_)) return read_.every(({ id }) => own !== undefined && id === own);
  return Object.values(read_ ?? {}).every((count) => count === 0 || (own !== undefined && count === 1));
}

const state = async () => {
  const [row] = await read(`conversations?id=eq.${customer.id}`);
  const rows = await read(`messages?conversation_id=eq.${customer.id}&order=position`);
  const notes = await read(`conversation_notes?conversation_id=eq.${customer.id}`);
  return JSON.stringify([row, rows, notes]);
};

test("the tour has asked for all kinds of things", () => {
  const kinds = asked.map(({ method, path }) => `${method} ${path.split("?")[0].slice(9)}`);
  for (const kind of ["GET conversations", "GET messages", "POST messages", "POST conversation_notes"]) ok(kinds.includes(kind), `${kind} of ${kinds}`);
  ok(asked.length > 14, kinds.join());
  ok(topics.has("inbox") && topics.has(`conversation:${customer.id}`), [...topics].join());
});

const OTHERS = {
  nobody: async () => ({ token: ANON_KEY }),
  "a visitor": () => visitor("I am somebody else"),
  "a customer with an account": async () => ({ token: (await sessionOf(await account("Cy Customer"))).access_token }),
};
for (const [who, enter] of Object.entries(OTHERS)) {
  test(`${who} is refused, whatever the inbox asks`, async () => {
    const { token, id } = await enter();
    const before_ = await state();
    const got = [];
    for (const each of asked) {
      const answer = await askedAs(token, each);
      if (!isNothing(answer, id)) got.push(`${each.method} ${each.path} ${each.body ?? ""}: ${answer.status} ${answer.text.slice(0, 120)}`);
    }
    deepEqual(got, []);
    deepEqual(await state(), before_);
  });

  test(`${who} hears nothing of what the inbox hears`, async () => {
    const { token } = await enter();
    for (const topic of topics) equal(await joined(topic, token), "error", topic);
  });
}

/** Join a topic of Realtime; return what it answers. */
function joined(topic, access_token) {
  const socket = new WebSocket(`${API_URL.replace("http", "ws")}/realtime/v1/websocket?apikey=${ANON_KEY}&vsn=1.0.0`);
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error("no socket"));
    socket.onopen = () => {
      const config = { private: true, broadcast: {}, presence: { key: "" }, postgres_changes: [] };
      socket.send(JSON.stringify({ topic: `realtime:${topic}`, event: "phx_join", payload: { config, access_token }, ref: "1", join_ref: "1" }));
    };
    socket.onmessage = ({ data }) => {
      const { event, payload } = JSON.parse(data);
      if (event !== "phx_reply") return;
      socket.close();
      resolve(payload.status);
    };
  });
}
