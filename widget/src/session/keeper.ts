/** The customer's session: begun when they act, renewed once for all tabs, kept by the browser where it may be. */
import { openShelf } from "./shelf";

export interface Project {
  url: string;
  key: string;
}

export interface Session {
  access_token: string;
  refresh_token: string;
  /** In milliseconds since 1970, by this device's clock. */
  endsAt: number;
  userId: string;
  /** The id that the page's server signed. */
  signedAs?: string | undefined;
}

/** What Auth said of a failure, as its own client gives it. */
export interface Failure {
  message: string;
  status: number;
  code?: string | undefined;
}
interface Done {
  error: Failure | null;
}
type OnChange = (event: string, session: { user: { id: string } } | null) => void;

/** A token that is about to end may end on its way. */
const EARLY_MS = 60_000;
const REQUEST_MS = 15_000;

export class Keeper {
  readonly #shelf;
  readonly #watchers = new Set<OnChange>();
  readonly #leave: () => void;
  #signedAs: string | undefined;
  #page: { token: () => Promise<string>; userId: string } | null = null;
  #userId: string | null;
  #underWay: Promise<Session | null> | null = null;

  /** @param captcha gives a captcha's token, for projects that want one at sign-in */
  constructor(
    private readonly project: Project,
    private readonly captcha: () => Promise<string> = async () => "",
  ) {
    this.#shelf = openShelf(project.url, "session", "localStorage");
    this.#userId = this.userId;
    this.#leave = this.#shelf.watch(() => this.#tell());
  }

  /** Whose session it is; null before the customer has acted. */
  get userId(): string | null {
    return this.#page?.userId ?? this.session?.userId ?? null;
  }

  /** The session as it is kept. One that the page has signed is there while the page says so, and for nobody else. */
  get session(): Session | null {
    const kept = this.#kept;
    return kept?.signedAs === undefined || kept.signedAs === this.#signedAs ? kept : null;
  }

  /** Who is it that the page vouches for? Empty: nobody. */
  get owner(): string {
    return String(this.#page?.userId ?? this.session?.signedAs ?? "");
  }

  /** Was a customer here whom the page had signed? */
  get hasSigned(): boolean {
    return this.#kept?.signedAs !== undefined;
  }

  /** Was somebody here before? */
  get hasKept(): boolean {
    return this.#kept !== null;
  }

  get #kept(): Session | null {
    try {
      const kept = JSON.parse(this.#shelf.get() ?? "null") as Partial<Session> | null;
      const isWhole = kept?.access_token && kept.refresh_token && kept.userId;
      return isWhole ? (kept as Session) : null;
    } catch {
      return null;
    }
  }

  /** A token that is good for now; null without a session. */
  async token(): Promise<string | null> {
    if (this.#page) return this.#page.token();
    const session = this.session;
    if (session && session.endsAt - EARLY_MS > Date.now()) return session.access_token;
    return session ? ((await this.#once(() => this.#renew(session)))?.access_token ?? null) : null;
  }

  /**
   * Begin a session without an account, unless there is one; for all tabs the same.
   *
   * @throws what Auth said
   */
  async signIn(): Promise<void> {
    if (!(await this.token())) await this.#once(() => this.#begin());
  }

  /**
   * Be the customer whose id the page's server signed: in a session that was just made, as whoever was here before may
   * have a copy of an older one. What `sign` throws leaves the visitor who was there.
   */
  async beSigned(id: string, sign: () => Promise<unknown>): Promise<void> {
    await alone(`${this.#lock}:who`, async () => {
      const [page, was, before] = [this.#page, this.#signedAs, this.#kept];
      this.#page = null;
      this.#signedAs = id;
      try {
        if (before?.signedAs === id && (await this.#goesOn(sign))) return;
        const fresh = await this.#signUp();
        this.#shelf.set(JSON.stringify({ ...fresh, signedAs: id }));
        await sign();
        if (before?.signedAs !== id) this.#end(before);
      } catch (error) {
        this.#page = page;
        this.#signedAs = was === id ? undefined : was;
        this.#shelf.set(before && JSON.stringify(before));
        throw error;
      } finally {
        this.#tell();
      }
    });
  }

  /** Is the session that is kept still the customer's? Not, where its secret was revoked, or it has ended. */
  async #goesOn(sign: () => Promise<unknown>): Promise<boolean> {
    try {
      await sign();
      return true;
    } catch (error) {
      const { code, status } = error as Failure;
      if (code === "session_not_new" || status === 401) return false;
      throw error;
    }
  }

  /** Whoever has a copy of a session that was signed is nobody with it. */
  #end(kept: Session | null): void {
    if (kept?.signedAs === undefined) return;
    const { url, key } = this.project;
    const headers = { apikey: key, authorization: `Bearer ${kept.access_token}` };
    const call = `${url}/rest/v1/rpc/sign_out_customer`;
    void fetch(call, { method: "POST", headers, keepalive: true }).catch(() => {});
  }

  /** Be whose account's session the page has: it gives the tokens, and nothing of it is kept. */
  bePage(token: () => Promise<string>, userId: string): void {
    this.#page = { token, userId };
    this.#signedAs = undefined;
    this.#tell();
  }

  /** Be nobody: whoever comes next begins anew. */
  leave(): void {
    const kept = this.#kept;
    this.#page = null;
    this.#signedAs = undefined;
    this.#put(null);
    this.#end(kept);
  }

  /** Auth's client as far as the SDK needs one. */
  readonly getSession = (): Promise<Done> => settled(this.token());

  /** Get a new token, whatever this device's clock says of the present one. */
  readonly refreshSession = async (): Promise<Done> => {
    if (this.#page) return settled(this.#page.token());
    const session = this.session;
    if (!session) return { error: { message: "there is no session", status: 401 } };
    return settled(this.#once(() => this.#renew(session)));
  };

  readonly onAuthStateChange = (onChange: OnChange) => {
    this.#watchers.add(onChange);
    return { data: { subscription: { unsubscribe: () => this.#watchers.delete(onChange) } } };
  };

  close(): void {
    this.#leave();
    this.#watchers.clear();
  }

  async #begin(): Promise<Session> {
    const present = this.session;
    if (present) return present; // another tab was quicker
    const session = await this.#signUp();
    this.#put(session);
    return session;
  }

  async #signUp(): Promise<Session> {
    const captcha_token = await this.captcha();
    const security = captcha_token && { gotrue_meta_security: { captcha_token } };
    return sessionOf(await this.#ask("signup", { data: {}, ...security }));
  }

  async #renew(old: Session): Promise<Session | null> {
    const present = this.session;
    if (present?.access_token !== old.access_token) return present; // another tab was quicker
    try {
      const { refresh_token, signedAs } = present;
      const answer = await this.#ask("token?grant_type=refresh_token", { refresh_token });
      const session = { ...sessionOf(answer), signedAs };
      this.#put(session);
      return session;
    } catch (error) {
      const { status } = error as Failure;
      if (!(status >= 400 && status < 500) || status === 429) throw error;
      this.#put(null); // it is over: whoever writes next begins another
      return null;
    }
  }

  async #ask(path: string, body: object): Promise<AuthAnswer> {
    const { url, key } = this.project;
    let answer: Response;
    let given: AuthAnswer & { msg?: string; message?: string; error_code?: string };
    try {
      answer = await fetch(`${url}/auth/v1/${path}`, {
        method: "POST",
        headers: { apikey: key, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      given = await answer.json();
    } catch (error) {
      throw failure(String((error as Error).message), 0);
    }
    if (answer.ok && given.access_token) return given;
    throw failure(given.msg ?? given.message ?? "no session came", answer.status, given.error_code);
  }

  #put(session: Session | null): void {
    this.#shelf.set(session && JSON.stringify(session));
    this.#tell();
  }

  #tell(): void {
    const { userId } = this;
    if (userId === this.#userId) return;
    this.#userId = userId;
    const event = userId ? "SIGNED_IN" : "SIGNED_OUT";
    this.#watchers.forEach((tell) => tell(event, userId ? { user: { id: userId } } : null));
  }

  /** One at a time, in this tab and in all others of the same origin. */
  #once(act: () => Promise<Session | null>): Promise<Session | null> {
    this.#underWay ??= alone(this.#lock, act).finally(() => (this.#underWay = null));
    return this.#underWay;
  }

  get #lock(): string {
    return `romashka:${new URL(this.project.url).host}`;
  }
}

interface AuthAnswer {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  user: { id: string };
}

const sessionOf = ({ access_token, refresh_token, expires_in, user }: AuthAnswer): Session => ({
  access_token,
  refresh_token,
  endsAt: Date.now() + expires_in * 1000,
  userId: user.id,
});

/** Without https, or in an opaque frame, a browser has no locks. */
async function alone<T>(name: string, act: () => Promise<T>): Promise<T> {
  try {
    await navigator.locks.query();
  } catch {
    return act();
  }
  return navigator.locks.request(name, act) as Promise<T>;
}

const failure = (message: string, status: number, code?: string): Failure =>
  Object.assign(new Error(message), { status, code });

async function settled(doing: Promise<unknown>): Promise<Done> {
  try {
    await doing;
    return { error: null };
  } catch (error) {
    return { error: error as Failure };
  }
}
