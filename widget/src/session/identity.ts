/** Who the page says that the customer is: done when they open the window, as a session begins with it. */
import type { Core } from "romashka";

import type { Who } from "../launcher/widget";
import type { Keeper } from "./keeper";

export class Identity {
  #done: Who = null;
  #underWay: Promise<void> = Promise.resolve();

  constructor(
    private readonly core: Core,
    private readonly keeper: Keeper,
    private who?: Who,
  ) {}

  /** Somebody is named, or nobody any more. */
  set(who: Who): void {
    const before = this.who;
    this.who = who;
    if (who !== null || !(before || this.keeper.hasSigned)) return;
    this.#leave(); // at once, whatever is under way; and what comes of that, too
    void this.#next(async () => this.#leave());
  }

  /** What the page says and nobody has signed. */
  get hint(): string {
    return this.who && "name" in this.who ? this.who.name : "";
  }

  /** Be who was named; it goes on as it is where the project does not believe it. */
  be(): Promise<void> {
    const { who } = this;
    if (!who || "name" in who || who === this.#done) return this.#underWay;
    return this.#next(async () => {
      if ("jwt" in who) await this.#beAccount(who.jwt);
      else await this.#beSigned(who);
      this.#done = who;
    });
  }

  #next(act: () => Promise<void>): Promise<void> {
    this.#underWay = this.#underWay.then(act).catch((error: Error) => {
      console.warn(`romashka: the customer is not who the page says; ${error.message}`);
    });
    return this.#underWay;
  }

  async #beSigned({ id, hmac, expiresAt }: { id: string; hmac: string; expiresAt?: number }) {
    const word = await this.#offer();
    await this.keeper.beSigned(id, () =>
      this.#call("identify_customer", { id, hmac, ...(expiresAt && { expires_at: expiresAt }) }),
    );
    await this.#bring(word);
  }

  async #beAccount(jwt: string | (() => Promise<string>)): Promise<void> {
    const word = await this.#offer();
    const token = typeof jwt === "string" ? async () => jwt : jwt;
    this.keeper.bePage(token, userOf(await token()));
    await this.core.backend.realtime.setAuth();
    await this.#bring(word);
  }

  #leave(): void {
    this.#done = null;
    this.keeper.leave();
  }

  /** What a visitor has open comes along; a signed-in customer's stays theirs. */
  async #offer(): Promise<unknown> {
    const { session } = this.keeper;
    return session && !session.signedAs
      ? this.#call("offer_conversations").catch(() => null)
      : null;
  }

  async #bring(token: unknown): Promise<void> {
    if (token) await this.#call("bring_conversations", { token }).catch(() => {}); // they stay where they are
    this.core.connection.retry();
  }

  #call(name: Parameters<Core["call"]>[0], parameters?: object): Promise<unknown> {
    return this.core.call(name, parameters as never);
  }
}

function userOf(token: string): string {
  const claims = token.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
  return (JSON.parse(atob(claims)) as { sub: string }).sub;
}
