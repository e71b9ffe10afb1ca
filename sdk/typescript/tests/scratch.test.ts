import { deepEqual, equal, rejects } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createClient } from "@supabase/supabase-js";
import { Conversation, type ConversationRow, Romashka } from "romashka";
import { WebSocket } from "ws";
import { connect, newAgent, newCustomer, quietConversation, service, take, until } from "./project.js";
import { ANON_KEY, API_URL, SERVICE_ROLE_KEY } from "./settings.js";
import { claimsOf, signed } from "./tokens.js";

const RT = { transport: WebSocket as never, reconnectAfterMs: () => 50 };

function made(storage: object, extra: object = {}, counter = { n: 0, other: 0 }) {
  const supabase = createClient(API_URL, ANON_KEY, {
    auth: { storage: storage as never, storageKey: randomUUID(), ...extra },
    global: { fetch: (i: never, n: never) => { counter.other += 1; counter.n += Number(String(i).includes("refresh_token")); return fetch(i, n); } },
    realtime: RT,
  } as never);
  return [new Romashka(supabase as never), counter] as const;
}
const mem = () => { const kept = new Map<string, string>(); return { kept, getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k) }; };

test("storage throws on everything (Safari private)", { timeout: 20000 }, async () => {
  const boom = () => { throw new DOMException("QuotaExceededError", "QuotaExceededError"); };
  const [client] = made({ getItem: boom, setItem: boom, removeItem: boom });
  try { console.log("user", await client.signInAnonymously()); } catch (e) { console.log("SIGNIN", e); }
  try { const c = await client.conversations.create("x" + randomUUID()); console.log("conv", c.id); } catch (e) { console.log("CREATE", (e as Error).constructor.name, (e as Error).message); }
  try { console.log(await client.conversations.list()); } catch (e) { console.log("LIST", (e as Error).constructor.name, (e as Error).message); }
  await client.close();
});
test("storage throws on set only", { timeout: 20000 }, async () => {
  const boom = () => { throw new DOMException("QuotaExceededError", "QuotaExceededError"); };
  const [client] = made({ getItem: () => null, setItem: boom, removeItem: () => {} });
  try { console.log("user", await client.signInAnonymously()); } catch (e) { console.log("SIGNIN", (e as Error).constructor.name, (e as Error).message); }
  try { const c = await client.conversations.create("x" + randomUUID()); console.log("conv", c.id); } catch (e) { console.log("CREATE", (e as Error).constructor.name, (e as Error).message); }
  await client.close();
});
test("clock ahead 2 h", { timeout: 30000 }, async () => {
  const now = Date.now; 
  Date.now = () => now() + 7_200_000;
  try {
    const [client, counter] = made(mem());
    await client.signInAnonymously();
    const { id } = await quietConversation(client, "hello");
    for (let i = 0; i < 5; i++) await (await client.conversations.get(id)).send("x" + i);
    console.log("AHEAD refreshes", counter.n, "of", counter.other);
    const c = await client.conversations.get(id);
    const got = await take(c.events(), 3);
    console.log("AHEAD got", got.length, counter.n);
    await client.close();
  } catch (e) { console.log("AHEAD", e); } finally { Date.now = now; }
});
test("refresh token reused", { timeout: 30000 }, async () => {
  const store = mem();
  const [a, counter] = made(store, { autoRefreshToken: false });
  await a.signInAnonymously();
  const { id } = await quietConversation(a, "hello");
  const key = [...store.kept.keys()][0]!;
  const old = store.kept.get(key)!;
  await a.supabase.auth.refreshSession();
  await a.supabase.auth.refreshSession();
  const s = JSON.parse(old); 
  const exp = Math.floor(Date.now() / 1000) - 120;
  s.access_token = signed({ ...claimsOf(s.access_token), exp });
  store.kept.set(key, JSON.stringify(s));
  const c = new Conversation(a, { id } as ConversationRow);
  try { await c.send("after"); console.log("REUSED ok", counter.n); } catch (e) { console.log("REUSED", (e as Error).constructor.name, (e as { code: string }).code, (e as Error).message, counter.n); }
  try { const r = await c.events().next(); console.log("REUSED ev", r); } catch (e) { console.log("REUSED ev", (e as Error).constructor.name, (e as { code: string }).code, (e as Error).message, counter.n); }
  await a.close();
});
test("own channel after ours", { timeout: 30000 }, async () => {
  const client = await newCustomer();
  const conversation = await quietConversation(client, "first");
  const events = conversation.events();
  await events.next();
  try {
    const channel = client.supabase.channel(conversation.topic, { config: { private: true } });
    channel.on("broadcast", { event: "*" }, () => console.log("APP heard"));
    channel.subscribe((s) => console.log("APP state", s));
    await conversation.send("second");
    console.log("AFTER", (await events.next()).value?.message.content);
    await client.supabase.removeChannel(channel);
  } catch (e) { console.log("APP", (e as Error).message); }
  await conversation.send("third");
  const t = await Promise.race([events.next(), new Promise((r) => setTimeout(() => r("NEVER"), 8000))]);
  console.log("AFTER remove", JSON.stringify(t).slice(0, 200));
  await client.close();
});
test("onAuthStateChange callback that calls us", { timeout: 15000 }, async () => {
  const [client] = made(mem());
  const done: string[] = [];
  client.supabase.auth.onAuthStateChange(async (event) => {
    if (event === "SIGNED_IN") { try { await client.conversations.list(); done.push("listed"); } catch (e) { done.push(String(e)); } }
  });
  const r = await Promise.race([client.signInAnonymously(), new Promise((r) => setTimeout(() => r("DEADLOCK"), 6000))]);
  console.log("CALLBACK", r, done);
  await client.close();
});
