// The calls of the original's frontends in their order and form, without its screens: the widget with its
// hook (useRealTimeChat), the inbox's hook and service (useRealtimeMessages), and the worker in the browser.
"use strict";

const COLUMNS = "id,conversation_id,sender_type,content,message_type,metadata,status,created_at,updated_at";
const now = () => new Date().toISOString();
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What the page would show, by the row's id; a message that is on its way by a name of its own. */
const shown = new Map();
/** Calls that were refused: what the original logs, or does not look at. */
const refused = [];
const typing = [];
/** How often the worker asked, and what it got. */
const asked = { times: 0, jobs: 0, errors: 0 };

let client;
let userId;

function note(call, { error, status }) {
  if (error) refused.push({ call, status, code: error.code, details: error.details });
  return error;
}

function show(row) {
  shown.set(row.id, { sender: row.sender_type, content: row.content, status: row.status });
}

/** Be a visitor, with a session or none, or an agent. The worker starts with the page. */
async function begin(url, key, account) {
  client = supabase.createClient(url, key);
  if (account === "anonymous") await client.auth.signInAnonymously();
  else if (account) await client.auth.signInWithPassword(account);
  void (async () => {
    for (;;) {
      const { data, error } = await client.rpc("get_next_ai_response_job");
      asked.times += 1;
      asked.errors += error ? 1 : 0;
      asked.jobs += data?.length ?? 0;
      await sleep(500);
    }
  })();
}

function subscribed(channel) {
  return new Promise((resolve) => {
    let isReady = false;
    channel
      .on("system", {}, (message) => {
        if (!isReady) resolve(message.status);
        isReady = true;
      })
      .subscribe((state) => {
        if (["CHANNEL_ERROR", "TIMED_OUT"].includes(state)) resolve(state);
      });
  });
}

// The widget.

/** Set a conversation up, whose id the page has made; return how the subscription went. */
async function mount(conversationId) {
  const { data } = await client.auth.getUser();
  userId = data.user?.id ?? crypto.randomUUID();
  const loaded = await client.from("messages").select(COLUMNS).eq("conversation_id", conversationId)
    .order("created_at", { ascending: true });
  if (note("load", loaded)) return "error";
  for (const row of loaded.data) show(row);
  note("participants", await client.from("conversation_participants")
    .select("id,name,email,role,is_online,last_seen").eq("conversation_id", conversationId));
  note("begin figures", await client.from("conversation_metrics").insert([{
    conversation_id: conversationId, ai_handled: false, escalated_to_human: false,
    response_time_ms: 0, message_count: 0, resolution_status: "pending", session_start: now(),
  }]).select().single());
  return listen(conversationId);
}

function listen(conversationId) {
  const of = (event, table) =>
    ({ event, schema: "public", table, filter: `conversation_id=eq.${conversationId}` });
  return subscribed(client.channel(`chat-${conversationId}`)
    .on("postgres_changes", of("INSERT", "messages"), ({ new: row }) => {
      show(row);
      if (row.sender_type === "ai") void markAsRead(row.id);
    })
    .on("postgres_changes", of("UPDATE", "messages"), ({ new: row }) => show(row))
    .on("postgres_changes", of("*", "typing_indicators"), ({ new: row }) =>
      typing.push({ user: row.user_id, is: row.is_typing })));
}

async function markAsRead(id) {
  note("mark as read", await client.from("messages").update({ status: "read" }).eq("id", id));
}

/** Write as the widget does: it stays "sending" until the row is there, and is "failed" if it is not. */
async function write(conversationId, content) {
  const temporary = crypto.randomUUID();
  show({ id: temporary, sender_type: "user", content, status: "sending" });
  const fail = () => show({ id: temporary, sender_type: "user", content, status: "failed" });
  const found = await client.from("conversations").select("id").eq("id", conversationId).single();
  if (found.error) {
    const made = await client.from("conversations")
      .upsert([{ id: conversationId, status: "active" }], { onConflict: "id" });
    if (note("make conversation", made)) return fail();
  }
  const message = (sender_type, text) =>
    [{ conversation_id: conversationId, sender_type, content: text, message_type: "text", status: "sent" }];
  const sent = await client.from("messages").insert(message("user", content)).select().single();
  if (note("write", sent)) return fail();
  shown.delete(temporary);
  show(sent.data);
  void (async () => {
    note("own answer", await client.from("messages").insert(message("ai", "The browser's.")).select().single());
    await count(conversationId);
  })();
  await count(conversationId);
}

async function count(conversationId) {
  const figures = await client.from("conversation_metrics").select("message_count,response_time_ms")
    .eq("conversation_id", conversationId).single();
  if (note("read figures", figures)) return;
  note("count", await client.from("conversation_metrics").update({
    ai_handled: true, message_count: figures.data.message_count + 1, response_time_ms: 900,
    resolution_status: "resolved", updated_at: now(),
  }).eq("conversation_id", conversationId));
}

async function setTyping(conversationId, isTyping) {
  const rows = client.from("typing_indicators");
  note("type", isTyping
    ? await rows.upsert([{
        user_id: userId, conversation_id: conversationId, is_typing: true, last_activity: now(),
      }])
    : await rows.update({ is_typing: false }).eq("user_id", userId).eq("conversation_id", conversationId));
}

// The inbox, its hook and its service.

async function openInbox() {
  const changed = subscribed(client.channel("conversations")
    .on("postgres_changes", { event: "*", schema: "public", table: "conversations" }, () => loadInbox()));
  await loadInbox();
  return changed;
}

let conversations = [];
async function loadInbox() {
  const loaded = await client.from("conversations").select("*,customer_profiles(id,name,email,phone)")
    .order("last_message_at", { ascending: false }).limit(20);
  if (!note("list", loaded)) conversations = loaded.data.map(({ id, last_message }) => ({ id, last_message }));
}

async function choose(conversationId) {
  const loaded = await client.from("messages").select("*").eq("conversation_id", conversationId)
    .order("created_at", { ascending: true }).limit(50);
  if (!note("choose", loaded)) loaded.data.forEach(show);
  return subscribed(client.channel(`conversation:${conversationId}`).on("postgres_changes",
    { event: "INSERT", schema: "public", table: "messages", filter: `conversation_id=eq.${conversationId}` },
    ({ new: row }) => show(row)));
}

async function answer(conversationId, content) {
  const sent = await client.from("messages").insert({
    conversation_id: conversationId, sender_type: "agent", content, delivery_status: "sent", created_at: now(),
  }).select().single();
  if (note("answer", sent)) return;
  show(sent.data);
  note("last message", await client.from("conversations")
    .update({ last_message: content, updated_at: now() }).eq("id", conversationId));
}

/** Write by the service, as the customer, and wait for the answer as it does; return that. */
async function ask(conversationId, content) {
  const sent = await client.from("messages").insert({
    conversation_id: conversationId, sender_type: "user", content, delivery_status: "sent", created_at: now(),
  }).select().single();
  if (note("ask", sent)) return null;
  show(sent.data);
  for (let tries = 0; tries < 55; tries += 1) {
    const { data } = await client.from("ai_response_queue").select("*").eq("conversation_id", conversationId)
      .eq("status", "completed").order("created_at", { ascending: false }).limit(1);
    if (data?.length) {
      note("answer's copy", await client.from("messages").insert({
        conversation_id: conversationId, sender_type: "ai", content: data[0].ai_response,
        delivery_status: "delivered", created_at: now(),
      }));
      return data[0].ai_response;
    }
    await sleep(100);
  }
  return null;
}

const seen = () => ({
  shown: [...shown].map(([id, row]) => ({ id, ...row })), refused, typing, asked, conversations,
});
