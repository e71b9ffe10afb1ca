/** One session as the browser keeps it: the same for all tabs, and renewed once for all of them. */
import { type Auth, type Failure, isGood, type Session } from "./auth";
import { openShelf, type Shelf } from "./shelf";

/** Tabs are processes: what one keeps is seen in the others a moment later. */
const SEEN_MS = 100;

export class Kept {
  readonly #shelf: Shelf;
  readonly close: () => void;

  /**
   * @param lock what tabs agree by
   * @param onChange it is another one, here or in another tab
   */
  constructor(
    project: string,
    what: string,
    private readonly lock: string,
    private readonly auth: Auth,
    private readonly onChange: () => void,
  ) {
    this.#shelf = openShelf(project, what, "localStorage");
    this.close = this.#shelf.watch(onChange);
  }

  get session(): Session | null {
    const { access_token, refresh_token, userId } = this.#content ?? {};
    return access_token && refresh_token && userId ? (this.#content as Session) : null;
  }

  /** The id that the page signed; it stays when the session ends by itself, and goes when somebody signs out. */
  get signedAs(): string | undefined {
    return this.#content?.signedAs;
  }

  put(content: Partial<Session> | null): void {
    this.#shelf.set(content && JSON.stringify(content));
    this.onChange();
  }

  /** The session with a token that is good for now; null without one. */
  async good(): Promise<Session | null> {
    const { session } = this;
    return session && !isGood(session) ? this.renew() : session;
  }

  /** Begin one, unless there is one. */
  readonly begin = shared(() =>
    alone(this.lock, async () => {
      if (this.session) return; // another tab was quicker
      const begun = await this.auth.signUp();
      if (!this.session) this.put(begun);
    }),
  );

  /** Get a new token, whatever this device's clock says of the present one. */
  readonly renew = shared(() => {
    const old = this.session;
    return alone(this.lock, async () => {
      const { session } = this;
      if (!session || session.access_token !== old?.access_token) return session; // another tab was quicker
      // Meanwhile somebody may sign out, or be somebody else: that stays so.
      const isStill = () => this.session?.refresh_token === session.refresh_token;
      try {
        const renewed = await this.auth.renew(session);
        if (isStill()) this.put(renewed);
      } catch (error) {
        const { status } = error as Failure;
        if (!(status >= 400 && status < 500) || status === 429) throw error;
        const { signedAs } = session;
        if (isStill()) this.put(signedAs === undefined ? null : { signedAs }); // it is over
      }
      return this.session;
    });
  });

  get #content(): Partial<Session> | null {
    try {
      return JSON.parse(this.#shelf.get() ?? "null") as Partial<Session> | null;
    } catch {
      return null;
    }
  }
}

/** Who asks while it is under way gets the same. */
function shared<T>(act: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => (underWay ??= act().finally(() => (underWay = null)));
}

/**
 * One at a time, in all tabs of an origin, each of which sees what the one before kept. Without https, or in an opaque
 * frame, a browser has no locks.
 */
export async function alone<T>(name: string, act: () => Promise<T>): Promise<T> {
  try {
    await navigator.locks.query();
  } catch {
    return act();
  }
  return new Promise((resolve, reject) => {
    void navigator.locks.request(name, async () => {
      await aMoment();
      await act().then(resolve, reject);
      await aMoment();
    });
  });
}

const aMoment = () => new Promise((go) => setTimeout(go, SEEN_MS));
