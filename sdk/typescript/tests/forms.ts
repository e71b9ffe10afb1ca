/** A client in each form that a backend has: around supabase-js, and on its parts. */
import { Client, type Romashka } from "romashka";
import { connectParts } from "romashka/parts";
import { WebSocket } from "ws";

import { ANON_KEY, API_URL } from "./settings.js";
import { closeAfterwards, connect, newAgent, newCustomer } from "./project.js";
import { test } from "./together.js";

const FORMS = ["supabase-js", "parts"] as const;
export type Form = (typeof FORMS)[number];

/** Declare a test for each form. */
export function testForms(
  name: string,
  run: (form: Form) => Promise<void>,
  timeout?: number,
): void {
  for (const form of FORMS) test(`${name}: ${form}`, () => run(form), timeout);
}

/** A new customer's client in that form. */
export async function customerAs(form: Form, url = API_URL): Promise<Client> {
  const customer = await newCustomer();
  return clientOf(() => customer, form, url).client;
}

/** A new agent's. */
export async function agentAs(form: Form, url = API_URL): Promise<Client> {
  const agent = await newAgent();
  return clientOf(() => agent, form, url).client;
}

/** What a test sees of the requests of a client, and does to them. */
export interface Wire {
  /** The paths of those that were sent, with their queries. */
  readonly sent: string[];
  /** Is asked before each; what it returns is waited for, and what it throws is a broken network. */
  before: (path: string) => unknown;
  /** Is asked after each was answered. */
  after: (path: string) => unknown;
}

export interface Formed {
  client: Client;
  wire: Wire;
}

/** Whose session a client has; nobody's, or one that is still signing in. */
type Owner = () => Romashka | null | Promise<Romashka>;

async function tokenOf(owner: Romashka | null): Promise<string | null> {
  return (await owner?.supabase.auth.getSession())?.data.session?.access_token ?? null;
}

/** Another client for the session of `owner()`, whose requests can be seen and spoiled. */
export function clientOf(owner: Owner, form: Form, url = API_URL): Formed {
  const wire: Wire = { sent: [], before: () => {}, after: () => {} };
  const fetchSeen: typeof fetch = async (input, init) => {
    const path = String(input).slice(url.length);
    wire.sent.push(path);
    await wire.before(path);
    init?.signal?.throwIfAborted();
    const answer = await fetch(input, init);
    await wire.after(path);
    return answer;
  };
  const client = connectAs(form, async () => tokenOf(await owner()), { url, fetch: fetchSeen });
  return { client, wire };
}

/** A client whose session is somebody else's business. */
export function connectAs(
  form: Form,
  accessToken: () => Promise<string | null>,
  { url = API_URL, fetch = globalThis.fetch } = {},
): Client {
  if (form === "supabase-js") return connect(ANON_KEY, url, fetch, accessToken);
  const realtime = { transport: WebSocket as never, reconnectAfterMs: () => 50 };
  return closeAfterwards(new Client(connectParts(url, ANON_KEY, { accessToken, fetch, realtime })));
}

/** A promise, and what settles it. */
export function gate(): { wait: Promise<void>; open: () => void } {
  let open = () => {};
  const wait = new Promise<void>((resolve) => (open = resolve));
  return { wait, open };
}
