/** The client: one project, one identity; everything else hangs on it. */
import type {
  AuthResponse,
  AuthTokenResponsePassword,
  SupabaseClient,
} from "@supabase/supabase-js";

import { Attachments } from "./attachments.js";
import { Conversations } from "./conversations.js";
import type { Database } from "./database.js";
import { type Answer, fromAuth, NotSignedIn, unwrap } from "./errors.js";
import { Inbox } from "./inbox.js";
import { Knowledge } from "./knowledge.js";
import { Metrics } from "./metrics.js";
import { kept, Session } from "./session.js";
import { checkStorable } from "./storable.js";
import { Topics } from "./topics.js";

type Functions = Database["public"]["Functions"];

/**
 * A Romashka project, as a client of supabase-js reaches it.
 *
 * @example
 * ```ts
 * const client = new Romashka(createClient(url, anonKey));
 * await client.signInAnonymously();
 * const conversation = await client.conversations.create("visitor-17");
 * const answer = await conversation.ask("What is Romashka?");
 * ```
 */
export class Romashka {
  /** The wrapped client, for everything that this package does not cover. */
  readonly supabase: SupabaseClient<Database>;
  /** Private broadcast topics, kept subscribed: what the rest is made of. */
  readonly topics: Topics;
  readonly conversations: Conversations;
  readonly inbox: Inbox;
  readonly attachments: Attachments;
  readonly knowledge: Knowledge;
  readonly metrics: Metrics;
  readonly #session: Session;

  /**
   * @param supabase with the anon (publishable) key, then sign in; or, on a server, with the service role
   *   (secret) key, which needs no sign-in
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an app has types of its own
  constructor(supabase: SupabaseClient<any, any, any>) {
    this.supabase = supabase as SupabaseClient<Database>;
    this.#session = new Session(supabase);
    this.topics = new Topics(supabase.realtime, this.#session);
    this.conversations = new Conversations(this);
    this.inbox = new Inbox(this);
    this.attachments = new Attachments(this);
    this.knowledge = new Knowledge(this);
    this.metrics = new Metrics(this);
  }

  /**
   * Become a new customer without an account, unless there is a session; return the user's id.
   *
   * Called again before it is done, it gives the same one, as React's StrictMode does: a user is made once.
   *
   * @param options `captchaToken`, what hCaptcha or Turnstile gave, where the project asks for one
   * @throws {@link NotSignedIn} the project does not allow it, or the session cannot be kept
   * @throws {@link Unreachable} there is a session, and it could not be renewed
   */
  async signInAnonymously(options: { captchaToken?: string } = {}): Promise<string> {
    return this.#session.signInOnce(async () =>
      userOf(await this.supabase.auth.signInAnonymously({ options })),
    );
  }

  /**
   * Sign in with e-mail and password; return the user's id.
   *
   * @throws {@link NotSignedIn} they do not match an account
   */
  async signIn(email: string, password: string): Promise<string> {
    checkStorable([email, password]);
    return kept(async () =>
      userOf(await this.supabase.auth.signInWithPassword({ email, password })),
    );
  }

  /**
   * Call a database function by its parameters' names; return its result.
   *
   * @throws {@link InvalidRequest} there is text in them that cannot be stored
   * @throws {@link ServerError} it refused
   * @throws {@link Unreachable} the project did not answer; the call may still have taken effect
   */
  async call<Name extends keyof Functions & string>(
    name: Name,
    parameters: Functions[Name]["Args"],
  ): Promise<Functions[Name]["Returns"]> {
    checkStorable(name);
    const call = this.supabase.rpc.bind(this.supabase) as unknown as Call;
    return (await this.send(call(name, parameters))) as Functions[Name]["Returns"];
  }

  /**
   * Return all rows of a function that reads, however few the project gives at a time (`max_rows`).
   *
   * @internal
   */
  async callForAll<Row>(name: keyof Functions & string, parameters: object): Promise<Row[]> {
    checkStorable([name, parameters]);
    const call = this.supabase.rpc.bind(this.supabase) as unknown as CountedCall<Row>;
    const rows: Row[] = [];
    for (;;) {
      const { length } = rows;
      const page = await this.#session.send(() => {
        const counted = call(name, parameters, { count: "exact" });
        return length === 0 ? counted : counted.range(length, length + PAGE - 1);
      });
      rows.push(...unwrap(page));
      if (rows.length === length || rows.length >= (page.count ?? 0)) return rows;
    }
  }

  /**
   * Send a request that supabase-js made, and return what it gives; once more if its token was too old.
   *
   * @throws {@link InvalidRequest} there is text in it that cannot be stored
   * @internal
   */
  async send<T>(request: PromiseLike<Answer<T>>): Promise<NonNullable<T>> {
    const { body, url } = request as { body?: unknown; url?: URL };
    checkStorable([body, ...(url?.searchParams.values() ?? [])]);
    return unwrap(await this.#session.send(() => request)); // it is sent whenever it is awaited
  }

  /**
   * Do what `request` asks of Storage; once more if its token was too old.
   *
   * @internal
   */
  store<A extends { error: unknown }>(request: () => PromiseLike<A>): Promise<A> {
    return this.#session.send(request);
  }

  /** End all subscriptions, and the connection unless the application has channels of its own. */
  async close(): Promise<void> {
    await this.topics.close();
    if (this.supabase.getChannels().length === 0) await this.supabase.realtime.disconnect();
  }
}

const PAGE = 1_000;

type CountedAnswer<Row> = PromiseLike<Answer<Row[]> & { count: number | null }>;
type CountedCall<Row> = (
  name: string,
  parameters: object,
  options: { count: "exact" },
) => CountedAnswer<Row> & { range(from: number, to: number): CountedAnswer<Row> };
type Call = (name: string, parameters: object) => PromiseLike<Answer<unknown>>;

function userOf({ data, error }: AuthResponse | AuthTokenResponsePassword): string {
  if (error) throw fromAuth(error);
  if (!data.user) throw new NotSignedIn("unable to sign in; the account is not confirmed");
  return data.user.id;
}
