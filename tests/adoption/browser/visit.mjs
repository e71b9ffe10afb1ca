// A visitor, an agent, a stranger and somebody without a session, each in a tab of Chromium with the calls of
// the original's frontends; and a worker. Prints one JSON object: what each has seen.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [packages, url, anonKey, serviceKey, email, password] = process.argv.slice(2);
const require = createRequire(`${packages}/package.json`);
const { chromium } = require("playwright-core");
const FILES = {
  "/supabase.js": `${packages}/node_modules/@supabase/supabase-js/dist/umd/supabase.js`,
  "/frontends.js": new URL("frontends.js", import.meta.url),
};
const PAGE = '<!doctype html><script src="/supabase.js"></script><script src="/frontends.js"></script>';
const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking" +
  " --disable-component-update --disable-sync";

const server = createServer(async (request, response) => {
  const file = FILES[request.url];
  response.setHeader("content-type", file ? "text/javascript" : "text/html");
  response.end(file ? await readFile(file) : PAGE);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

async function call(name, body) {
  const answer = await fetch(`${url}/rest/v1/rpc/${name}`, {
    method: "POST",
    headers: { apikey: serviceKey, authorization: `Bearer ${serviceKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${name}: ${await answer.text()}`);
  return answer.json();
}

let isOver = false;
async function work() {
  while (!isOver) {
    for (const job of await call("get_next_ai_response_job", {})) {
      const ai_response = `Answer to: ${job.user_message}`;
      await call("complete_ai_response_job", { job_id: job.job_id, ai_response, confidence: 0.9 });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const executablePath = process.env.CHROMIUM;
const browser = await chromium.launch({ executablePath, args: FLAGS.split(" ") });
const requests = [];
async function openTab(account) {
  const page = await (await browser.newContext()).newPage();
  page.on("request", (request) => {
    const [, path] = decodeURIComponent(request.url()).split("/rest/v1/");
    if (path && request.method() !== "OPTIONS") requests.push(`${request.method()} ${path}`);
  });
  page.setDefaultTimeout(30_000);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate((given) => begin(...given), [url, anonKey, account]);
  return page;
}
const run = (page, name, ...given) =>
  page.evaluate(([name, given]) => globalThis.eval(name)(...given), [name, given]);
const isShown = (page, ...contents) =>
  page.waitForFunction(
    (wanted) => wanted.every((content) => [...shown.values()].some((row) => row.content === content)),
    contents,
  );

const id = crypto.randomUUID();
const joined = {};
try {
  const worker = work();
  const visitor = await openTab("anonymous");
  const agent = await openTab({ email, password });
  const stranger = await openTab("anonymous");
  const nobody = await openTab(null);

  joined.widget = await run(visitor, "mount", id);
  joined.inbox = await run(agent, "openInbox");
  joined.stranger = await run(stranger, "listen", id);
  joined.nobody = await run(nobody, "mount", crypto.randomUUID());
  await run(nobody, "write", crypto.randomUUID(), "Does anybody read this?");

  await run(visitor, "write", id, "First question");
  await isShown(visitor, "Answer to: First question");
  await agent.waitForFunction((id) => conversations.some((each) => each.id === id), id);
  joined.conversation = await run(agent, "choose", id);
  await run(visitor, "setTyping", id, true);
  await run(visitor, "setTyping", id, true);
  await run(visitor, "setTyping", id, false);
  await run(agent, "eval", `client.auth.getUser().then(({ data }) => { userId = data.user.id; })`);
  await run(agent, "setTyping", id, true);
  await visitor.waitForFunction(() => typing.length >= 4);

  await run(visitor, "write", id, "Second question");
  await isShown(visitor, "Answer to: Second question");
  const polled = await run(visitor, "ask", id, "Third question");
  await isShown(visitor, "Answer to: Third question");

  await run(agent, "answer", id, "A human here.");
  await isShown(visitor, "A human here.");
  await run(visitor, "write", id, "Thank you.");
  await isShown(agent, "First question", "Answer to: Third question", "Thank you.");
  await run(stranger, "write", id, "Let me in.");
  await new Promise((resolve) => setTimeout(resolve, 1000)); // what the pages do not wait for

  const seen = {};
  for (const [name, page] of Object.entries({ visitor, agent, stranger, nobody }))
    seen[name] = await run(page, "seen");
  isOver = true;
  await worker;
  console.log(JSON.stringify({ id, joined, polled, seen, requests }));
} finally {
  isOver = true;
  await browser.close();
  server.closeAllConnections();
  server.close();
}
