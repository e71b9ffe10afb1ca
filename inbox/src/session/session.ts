/** Who is signed in, and may they see the inbox? A store, as the SDK's are. */
import type { Session as AuthSession, SupabaseClient } from "@supabase/supabase-js";
import type { Store } from "romashka";

/** The staff member in front of the screen. */
export interface Me {
  id: string;
  name: string;
  email: string;
  role: "agent" | "admin";
}

export type Who =
  | { phase: "starting" }
  | { phase: "signedOut" }
  /** Signed in, and no staff; `account` is null for a visitor without one. */
  | { phase: "refused"; account: string | null }
  /** Who they are could not be read. */
  | { phase: "failed" }
  /** `isOver`: the session ended without their doing. */
  | { phase: "staff"; me: Me; isOver: boolean };

export class Session implements Store<Who> {
  #who: Who = { phase: "starting" };
  #isLeaving = false;
  #token: AuthSession | null = null;
  readonly #watchers = new Set<() => void>();

  constructor(private readonly supabase: SupabaseClient) {
    supabase.auth.onAuthStateChange((_, session) => {
      // Not inside: Auth's client waits for who it tells.
      setTimeout(() => this.#take(session));
    });
  }

  readonly getSnapshot = (): Who => this.#who;

  readonly subscribe = (onChange: () => void): (() => void) => {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  };

  /** Read once more who they are. */
  readonly retry = (): void => {
    if (this.#token) void this.#readMe(this.#token);
  };

  /** Leave, in this browser. */
  async signOut(): Promise<void> {
    this.#isLeaving = true;
    try {
      await this.supabase.auth.signOut({ scope: "local" });
    } finally {
      this.#isLeaving = false;
      this.#token = null;
      this.#show({ phase: "signedOut" });
    }
  }

  #take(session: AuthSession | null): void {
    const wasSameUser = session !== null && session.user.id === this.#token?.user.id;
    this.#token = session;
    const who = this.#who;
    if (!session) {
      const isStaff = who.phase === "staff" && !this.#isLeaving;
      return this.#show(isStaff ? { ...who, isOver: true } : { phase: "signedOut" });
    }
    if (session.user.is_anonymous) return this.#show({ phase: "refused", account: null });
    if (wasSameUser && who.phase === "staff" && !who.isOver) return; // the token was renewed
    void this.#readMe(session);
  }

  async #readMe(session: AuthSession): Promise<void> {
    const { id, email = "" } = session.user;
    const columns = "full_name, email, role";
    const asked = this.supabase.from("profiles").select(columns).eq("id", id).maybeSingle();
    const { data, error } = await asked;
    if (this.#token?.user.id !== id) return;
    if (error) return this.#show({ phase: "failed" });
    const profile = (data ?? {}) as { full_name?: string; email?: string; role?: string };
    const { role } = profile;
    if (role !== "agent" && role !== "admin") {
      return this.#show({ phase: "refused", account: email });
    }
    const known = { id, email, role } as const;
    this.#show({
      phase: "staff",
      me: { ...known, name: profile.full_name || profile.email || email },
      isOver: false,
    });
  }

  #show(who: Who): void {
    this.#who = who;
    this.#watchers.forEach((tell) => tell());
  }
}
