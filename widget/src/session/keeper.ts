/**
 * Whose session the page has: a visitor's, begun when they act; the one of a customer whom the page signed; or its own.
 *
 * Tabs of one browser may differ in it: what a page named nobody for is the visitor's, whoever another tab has named.
 */
import { Auth, type Failure, type Project, type Session } from "./auth";
import { alone, Kept } from "./kept";
import { openShelf } from "./shelf";

interface Done {
  error: Failure | null;
}
type OnChange = (event: string, session: { user: { id: string } } | null) => void;

/** Call a function of the database as whoever has this token. */
type Act = (token: string) => Promise<unknown>;

export class Keeper {
  /** Somebody signed out in another tab. */
  onSignedOut = () => {};
  readonly auth: Auth;
  readonly #visitor: Kept;
  readonly #signed: Kept;
  /** Who this tab was last: a visitor, once they wrote, or whom the page named. */
  readonly #been;
  readonly #lock: string;
  readonly #watchers = new Set<OnChange>();
  #signedAs: string | undefined;
  #page: { token: () => Promise<string>; userId: string } | null = null;
  #userId: string | null;

  constructor(project: Project, captcha?: () => Promise<string>) {
    const { url } = project;
    this.auth = new Auth(project, captcha);
    this.#lock = `romashka:${new URL(url).host}`;
    const tell = () => this.#tell();
    this.#visitor = new Kept(url, "session", this.#lock, this.auth, tell);
    this.#signed = new Kept(url, "signed", `${this.#lock}:signed`, this.auth, tell);
    this.#been = openShelf(url, "been", "sessionStorage");
    this.#userId = this.userId;
  }

  /** Whose session it is; null before the customer has acted. */
  get userId(): string | null {
    return this.#page?.userId ?? this.session?.userId ?? null;
  }

  /** The session as it is kept. One that the page has signed is there while the page says so, and for nobody else. */
  get session(): Session | null {
    const { session } = this.#kept;
    return session?.signedAs === this.#signedAs ? session : null;
  }

  /** Who is it that the page vouches for? Empty: nobody. */
  get owner(): string {
    return this.#page?.userId ?? this.session?.signedAs ?? "";
  }

  /** Is it the customer with this id, because the page signed it? */
  isSigned(id: string): boolean {
    return !this.#page && this.session?.signedAs === id;
  }

  /** Was a customer here whom the page had signed? */
  get hasSigned(): boolean {
    return this.#signed.signedAs !== undefined;
  }

  /** Was somebody here before? */
  get hasKept(): boolean {
    return this.hasSigned || this.#visitor.session !== null;
  }

  /** A token that is good for now; null without a session. */
  async token(): Promise<string | null> {
    if (this.#page) return this.#page.token();
    if (!this.session) return null;
    await this.#kept.good();
    return this.session?.access_token ?? null; // it may be somebody else's by now
  }

  /**
   * Begin a visitor's session, unless there is one; for all tabs the same. Whom the page names has theirs already.
   *
   * @throws what Auth said
   */
  async signIn(): Promise<void> {
    const isVisitor = !this.#page && this.#signedAs === undefined;
    const token = await this.token();
    if (!isVisitor) return;
    if (!token) await this.#visitor.begin();
    this.#been.set(this.#visitor.session?.userId ?? null);
  }

  /**
   * Be the customer whose id the page's server signed: in a session that was just made, as whoever was here before may
   * have a copy of an older one.
   *
   * @param identify makes a session the customer's; what it throws leaves all as it was
   * @param isWanted it is not, once the page says otherwise
   */
  async beSigned(id: string, identify: Act, isWanted: () => boolean): Promise<void> {
    await alone(`${this.#lock}:who`, async () => {
      const before = isWanted() && this.#signed.signedAs === id ? await this.#signed.good() : null;
      const isGoingOn =
        before?.signedAs === id && (await goesOn(() => identify(before.access_token)));
      if (!isWanted()) return;
      const fresh = isGoingOn ? null : { ...(await this.auth.signUp()), signedAs: id };
      if (fresh) await identify(fresh.access_token);
      if (!isWanted()) return fresh ? this.#end(fresh) : undefined;
      const last = this.#signed.session;
      this.#page = null;
      this.#signedAs = id;
      if (fresh) this.#signed.put(fresh);
      if (fresh && last) this.#end(last);
      this.#tell();
    });
  }

  /** Be whose account's session the page has: it gives the tokens, and nothing of it is kept. */
  bePage(token: () => Promise<string>, userId: string): void {
    this.#page = { token, userId };
    this.#signedAs = undefined;
    this.#tell();
  }

  /** Be the visitor, whoever is signed in: the page does not name them. */
  beVisitor(): void {
    this.#page = null;
    this.#signedAs = undefined;
    this.#tell();
  }

  /** Be nobody: whoever comes next begins anew, in all tabs. */
  leave(): void {
    const { session } = this.#signed;
    this.#visitor.put(null);
    this.#signed.put(null);
    this.#been.set(null);
    this.beVisitor();
    if (session) this.#end(session);
  }

  /**
   * The visitor's session, where what is open of it is to come along to who is named now: this tab wrote it, or nobody
   * had named them here before. What another tab's visitor writes stays theirs.
   */
  async visitorFor(id: string): Promise<Session | null> {
    const been = this.#been.get();
    const userId = this.#visitor.session?.userId;
    if (this.owner || (been !== userId && (been === id || this.#signed.signedAs === id)))
      return null;
    return this.#visitor.good();
  }

  /** What the visitor had open is the customer's now. */
  cameAlong(id: string, visitor: Session | null): void {
    this.#been.set(id);
    if (visitor && visitor.userId === this.#visitor.session?.userId) this.#visitor.put(null);
  }

  /** Auth's client as far as the SDK needs one. */
  readonly getSession = (): Promise<Done> => settled(this.token());

  /** Get a new token, whatever this device's clock says of the present one. */
  readonly refreshSession = async (): Promise<Done> => {
    if (this.#page) return settled(this.#page.token());
    if (!this.session) return { error: { message: "there is no session", status: 401 } };
    return settled(this.#kept.renew());
  };

  readonly onAuthStateChange = (onChange: OnChange) => {
    this.#watchers.add(onChange);
    return { data: { subscription: { unsubscribe: () => this.#watchers.delete(onChange) } } };
  };

  close(): void {
    this.#visitor.close();
    this.#signed.close();
    this.#watchers.clear();
  }

  get #kept(): Kept {
    return this.#signedAs === undefined ? this.#visitor : this.#signed;
  }

  #end(session: Session): void {
    void this.auth.signOut(session).catch(() => {});
  }

  #tell(): void {
    if (this.#signedAs !== undefined && !this.hasSigned) {
      this.#signedAs = undefined;
      this.#been.set(null);
      this.onSignedOut();
    }
    const { userId } = this;
    if (userId === this.#userId) return;
    this.#userId = userId;
    const event = userId ? "SIGNED_IN" : "SIGNED_OUT";
    this.#watchers.forEach((tell) => tell(event, userId ? { user: { id: userId } } : null));
  }
}

/** Is the session that is kept still the customer's? Not, where its secret was revoked, or it has ended. */
async function goesOn(identify: () => Promise<unknown>): Promise<boolean> {
  try {
    await identify();
    return true;
  } catch (error) {
    const { code, status } = error as Failure;
    if (code === "session_not_new" || status === 401) return false;
    throw error;
  }
}

async function settled(doing: Promise<unknown>): Promise<Done> {
  try {
    await doing;
    return { error: null };
  } catch (error) {
    return { error: error as Failure };
  }
}
