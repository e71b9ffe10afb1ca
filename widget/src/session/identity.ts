/** Who the page says that the customer is: done when they open the window or write, as a session begins with it. */
import type { Core } from "romashka";

import type { Who } from "../launcher/widget";
import type { Session } from "./auth";
import { inTime } from "./inTime";
import type { Keeper } from "./keeper";

/** One whom the project is to believe. */
type Proved = Exclude<Who, { name: string } | null>;
type Jwt = Extract<Who, { jwt: unknown }>["jwt"];

/** The page's own callback may never answer. */
const TOKEN_MS = 10_000;

export class Identity {
  /** Whom the page named last. */
  #who: Who = null;
  #done: Who = null;
  #trying: { who: Who; done: Promise<void> } | null = null;
  #overtake = () => {};

  constructor(
    private readonly core: Core,
    private readonly keeper: Keeper,
  ) {
    keeper.onSignedOut = () => this.#name(null);
  }

  /** Somebody is named, or nobody any more. What is under way for somebody else is given up. */
  set(who: Who): void {
    const before = this.#who;
    this.#name(who);
    if (who && "name" in who) this.keeper.beVisitor();
    if (who === null && (before || this.keeper.hasSigned)) this.keeper.leave();
  }

  /** What the page says and nobody has signed. */
  get hint(): string {
    return this.#who && "name" in this.#who ? this.#who.name : "";
  }

  /** Whose is what is written now? Empty: the visitor's. Undefined: whose account it is shows when its token comes. */
  get owner(): string | undefined {
    const who = this.#who;
    if (!isProved(who)) return "";
    if ("id" in who) return String(who.id);
    if (this.isKnown) return this.keeper.owner;
    return typeof who.jwt === "string" ? userOf(who.jwt) : undefined;
  }

  /** Is the customer who the page says? */
  get isKnown(): boolean {
    const { keeper } = this;
    const who = this.#who;
    if (!isProved(who)) return true;
    return "id" in who ? keeper.isSigned(String(who.id)) : who === this.#done && !!keeper.owner;
  }

  /**
   * Be who was named last, however often the page thinks otherwise meanwhile.
   *
   * @throws that the project, or the page, does not say so, or does not answer; the customer is who they were
   */
  async be(): Promise<void> {
    for (;;) {
      const who = this.#who;
      if (!isProved(who) || (who === this.#done && this.isKnown)) return;
      try {
        await this.#become(who);
      } catch (error) {
        if (who === this.#who && !this.isKnown) throw error;
      }
      if (who === this.#who) return;
    }
  }

  #name(who: Who): void {
    this.#who = who;
    this.#done = null;
    this.#overtake();
  }

  #become(who: Proved): Promise<void> {
    if (this.#trying?.who === who) return this.#trying.done;
    const done = new Promise<void>((resolve, reject) => {
      this.#overtake = resolve;
      this.#try(who).then(resolve, reject);
    }).finally(() => {
      if (this.#trying?.done === done) this.#trying = null;
    });
    this.#trying = { who, done };
    return done;
  }

  async #try(who: Proved): Promise<void> {
    const isWanted = () => who === this.#who;
    try {
      await ("jwt" in who ? this.#beAccount(who.jwt, isWanted) : this.#beSigned(who, isWanted));
      if (isWanted()) this.#done = who;
    } catch (error) {
      const { message, status } = error as { message: string; status?: number };
      if (isWanted()) console.warn(`romashka: the customer is not who the page says; ${message}`);
      throw status === 0 ? error : Object.assign(new Error(message), { name: "NotKnown" });
    }
  }

  async #beSigned(who: Extract<Proved, { id: unknown }>, isWanted: () => boolean): Promise<void> {
    const { hmac, expiresAt } = who;
    const id = String(who.id);
    const signed = { id, hmac, ...(expiresAt && { expires_at: expiresAt }) };
    const luggage = await this.#packed(id);
    const identify = async (token: string) => {
      await this.#call("identify_customer", signed, token);
      if (isWanted()) await luggage.bring(token);
    };
    await this.keeper.beSigned(id, identify, isWanted);
    luggage.arrived();
  }

  async #beAccount(jwt: Jwt, isWanted: () => boolean): Promise<void> {
    const ask = typeof jwt === "string" ? async () => jwt : () => inTime(jwt, TOKEN_MS, "jwt");
    const given = await ask();
    const id = userOf(given);
    if (!id) throw new Error("the page's jwt is no token");
    if (!isWanted()) return;
    const luggage = await this.#packed(id);
    if (isWanted()) await luggage.bring(given);
    if (!isWanted()) return;
    const token = async () => {
      const next = await ask();
      if (userOf(next) !== id) throw new Error("the page's jwt is another user's: identify them");
      return next;
    };
    this.keeper.bePage(token, id);
    await this.core.backend.realtime.setAuth();
    luggage.arrived();
  }

  /** What a visitor has open comes along, before the customer is there to look for it. */
  async #packed(id: string) {
    let visitor: Session | null = null;
    let word: unknown = null;
    let isBrought = false;
    try {
      visitor = await this.keeper.visitorFor(id);
      word = visitor && (await this.#call("offer_conversations", {}, visitor.access_token));
    } catch {
      visitor = null; // it stays where it is
    }
    const bring = async (token: string) => {
      try {
        if (word) await this.#call("bring_conversations", { token: word }, token);
        isBrought = true;
      } catch {
        // it stays where it is
      }
    };
    const arrived = () => {
      if (isBrought) this.keeper.cameAlong(id, visitor);
      this.core.connection.retry();
    };
    return { bring, arrived };
  }

  #call(name: string, parameters: object, token: string): Promise<unknown> {
    return this.keeper.auth.call(name, parameters, token);
  }
}

const isProved = (who: Who): who is Proved => !!who && !("name" in who);

function userOf(token: string): string | undefined {
  try {
    const claims = token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    return (JSON.parse(atob(claims)) as { sub?: string }).sub;
  } catch {
    return undefined;
  }
}
