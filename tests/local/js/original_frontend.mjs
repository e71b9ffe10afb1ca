// What frontends written for the original call, with supabase-js, as a customer, an agent and the worker.
// Prints one JSON object: what each call gave.
import { createClient } from "@supabase/supabase-js";
import WebSocket from "ws";

const [url, anonKey, serviceKey, email, password] = process.argv.slice(2);
const connect = (key) =>
  createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: WebSocket },
  });
const [customer, stranger, agent, nobody] = [1, 2, 3, 4].map(() => connect(anonKey));
const worker = connect(serviceKey);
const seen = {};

const ask = async (name, call) => {
  const { data, error, status } = await call;
  seen[name] = error
    ? { status, code: error.code, details: error.details, message: error.message, hint: error.hint }
    : { status, data };
  return data;
};
const until = async (check) => {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await check();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`never: ${check}`);
};
const open = { customer_identifier: "ada@example.com", channel_type: "website" };
const message = (conversation_id, sender_type, content) => ({
  conversation_id, sender_type, content, delivery_status: "sent", created_at: new Date().toISOString(),
});
const WITH_CUSTOMER = "*, customer_profiles(id,name,email,phone,preferences,satisfaction_rating)";

await ask("without a session", nobody.rpc("create_conversation", open));
for (const client of [customer, stranger]) await client.auth.signInAnonymously();
await agent.auth.signInWithPassword({ email, password });

// A customer opens the widget, and listens as the original's hook does.
const id = await ask("create", customer.rpc("create_conversation", { ...open, initial_message: "" }));
const inserted = [];
const changed = [];
const live = new Promise((resolve) => {
  const systems = [];
  customer
    .channel(`messages-${id}`)
    .on("postgres_changes",
      { event: "INSERT", schema: "public", table: "messages", filter: `conversation_id=eq.${id}` },
      (payload) => inserted.push([payload.new.sender_type, payload.new.content]))
    .on("postgres_changes", { event: "*", schema: "public", table: "conversations" },
      (payload) => changed.push([payload.eventType, payload.new.message_count]))
    .on("system", {}, (system) => { systems.push(system); resolve(systems); })
    .subscribe();
});
await live;

await ask("send", customer.from("messages").insert(message(id, "user", "one")).select().single());
// The stack is shared: a job that an earlier visitor left behind is not ours.
const claim = () => until(async () => {
  const [job] = await ask("claim", worker.rpc("get_next_ai_response_job"));
  return job?.conversation_id === id ? job : null;
});
const job = await claim();
const answer = { job_id: job.job_id, ai_response: "An answer.", requires_human: false };
await ask("complete", worker.rpc("complete_ai_response_job",
  { ...answer, confidence: 0.9, response_time_ms: 120 }));
await ask("second copy", worker.from("messages").insert(message(id, "ai", "An answer.")).select().single());
await ask("poll", customer.from("ai_response_queue").select("*").eq("conversation_id", id)
  .eq("status", "completed").order("created_at", { ascending: false }).limit(1));

await ask("send again", customer.from("messages").insert(message(id, "user", "two")).select().single());
const second = await claim();
await ask("complete by the worker", worker.rpc("complete_ai_response_job", {
  ...answer, job_id: second.job_id, ai_response: "Another.", confidence_score: 0.8,
  processing_time_ms: 90, intent_detected: "question", sentiment_detected: "neutral",
  knowledge_sources: [],
}));
await ask("send a third", customer.from("messages").insert(message(id, "user", "three")).select().single());
const third = await claim();
await ask("fail", worker.rpc("fail_ai_response_job", { job_id: third.job_id, error_message: "no model" }));

// An agent works in the inbox.
await ask("inbox", agent.from("conversations").select(WITH_CUSTOMER).eq("id", id)
  .order("last_message_at", { ascending: false }).limit(50));
await ask("one", agent.from("conversations").select(WITH_CUSTOMER).eq("id", id).single());
await ask("messages", agent.from("messages").select("*").eq("conversation_id", id).order("created_at"));
await ask("agent writes", agent.from("messages").insert(message(id, "agent", "Hello.")).select().single());
await ask("read", agent.from("messages").update({ delivery_status: "read" }).eq("conversation_id", id)
  .eq("sender_type", "user").select("delivery_status"));
await ask("assign", agent.from("conversations").update({ priority: "high" }).eq("id", id).select().single());
await ask("with messages", agent.rpc("get_conversation_with_messages",
  { conversation_id: id, message_limit: 3 }).single());
await ask("performance", agent.rpc("get_conversation_performance_metrics", { conversation_id: id }));
await ask("metrics", agent.rpc("get_realtime_messaging_metrics", { time_window_minutes: 60 }));
await ask("resolve", agent.from("conversations").update({ status: "resolved" }).eq("id", id)
  .select().single());

// A stranger, and what the original allowed them.
await ask("same e-mail", stranger.rpc("create_conversation", { ...open, initial_message: "hi" }));
await ask("read all", stranger.from("messages").select("conversation_id"));
await ask("write there", stranger.from("messages").insert(message(id, "user", "hello")));
await ask("own role", stranger.from("profiles").update({ role: "admin" }).eq("id",
  (await stranger.auth.getUser()).data.user.id));
await ask("work the queue", stranger.rpc("get_next_ai_response_job"));

for (const name of ["cleanup_ai_response_queue", "cleanup_realtime_metrics"]) {
  await ask(name, worker.rpc(name, { older_than_days: 7 }));
}
await ask("cleanup_expired_metrics", worker.rpc("cleanup_expired_metrics"));

await until(() => inserted.length >= 6);
await until(() => changed.length >= 3);
console.log(JSON.stringify({ id, seen, inserted, changed }));
process.exit(0);
