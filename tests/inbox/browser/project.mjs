// A project's people for the tests: staff, customers, and whoever is the worker; all by the project's own API.
import { randomUUID } from "node:crypto";

export const { API_URL, ANON_KEY, SERVICE_ROLE_KEY } = process.env;
const PASSWORD = "correct horse";

export async function request(path, { token = SERVICE_ROLE_KEY, method = "POST", body, prefer } = {}) {
  const answer = await fetch(API_URL + path, {
    method,
    headers: {
      apikey: token === SERVICE_ROLE_KEY ? token : ANON_KEY,
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      ...(prefer && { prefer }),
    },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

export const call = (name, body = {}, token) => request(`/rest/v1/rpc/${name}`, { body, token });
export const insert = (table, body, token) =>
  request(`/rest/v1/${table}`, { body, token, prefer: "return=representation" });
export const read = (path, token) => request(`/rest/v1/${path}`, { method: "GET", token });
export const update = (path, body) =>
  request(`/rest/v1/${path}`, { method: "PATCH", body, prefer: "return=representation" });

/** Make an account; with a role, one of the team. */
export async function account(name, role) {
  const email = `${randomUUID()}@example.com`;
  const { id } = await request("/auth/v1/admin/users", {
    body: { email, password: PASSWORD, email_confirm: true },
  });
  await update(`profiles?id=eq.${id}`, { full_name: name, ...(role && { role }) });
  return { id, name, email, password: PASSWORD };
}

/** A visitor of the website, with a conversation. */
export async function visitor(message = "", name = "Vera Visitor") {
  const { access_token: token, user } = await request("/auth/v1/signup", { token: ANON_KEY, body: { data: {} } });
  const identifier = { customer_identifier: randomUUID(), channel_type: "website", initial_message: message };
  const id = await call("create_conversation", identifier, token);
  await update(`customer_profiles?user_id=eq.${user.id}`, { name });
  const say = async (content) => {
    const [row] = await insert("messages", { conversation_id: id, sender_type: "user", content }, token);
    return row;
  };
  return { id, token, name, say };
}

/** What was claimed, and nobody asked for yet. */
const claimed = new Map();

/** Claim the turn of a conversation, and be its worker: write, a piece at a time, and settle. */
export async function workerOf(conversationId) {
  for (;;) {
    if (claimed.has(conversationId)) break;
    const jobs = await call("get_next_ai_response_job", { max_jobs: 20, wait_seconds: 1, lease_seconds: 60 });
    for (const job of jobs) claimed.set(job.conversation_id, job);
  }
  const job = claimed.get(conversationId);
  claimed.delete(conversationId);
  return writing(job);
}

function writing({ job_id, attempt, message_id, turn_id = message_id, conversation_id }) {
  const draft_id = randomUUID();
  let sequence = 0;
  const send = (event, payload) =>
    request("/realtime/v1/api/broadcast", {
      body: {
        messages: [
          { topic: `conversation:${conversation_id}`, event, private: true, payload: { turn_id, draft_id, ...payload } },
        ],
      },
    });
  return {
    turn_id,
    begin: () => send("reply.started", {}),
    write: (text) => send("reply.delta", { sequence: (sequence += 1), text }),
    settle: (result) =>
      call("complete_ai_response_jobs", { results: [{ job_id, attempt, action: "reply", ...result }] }),
  };
}
