/**
 * One private broadcast topic that stays subscribed, and says when something may have been missed.
 *
 * What refuses a connection or a join for now is asked again, for as long as somebody listens; after every
 * interruption each listener gets a resync. What to read then is the listener's business. The Realtime client
 * of supabase-js opens a lost socket anew and joins again; it does not join a channel that the server closed,
 * and offers a token that was refused again.
 *
 * docs/sdk.md says what ends a subscription; sdk/python/romashka/_topic.py is the same in Python.
 */
import type { RealtimeChannel, RealtimeClient } from "@supabase/realtime-js";

import { Bell } from "./bell.js";
import { Conflict, NotSignedIn, PermissionDenied, RomashkaError, Unreachable } from "./errors.js";
import type { Heard, Listener, Signal } from "./listener.js";
import { backoffMs } from "./pause.js";
import type { Session } from "./session.js";

/** How long a topic stays subscribed without a listener: the next one need not join again. */
const LINGER_MS = 2_000;
/** So many at once: a connection may hold a hundred, and whoever browses quickly leaves many behind. */
const MAX_LINGERING = 10;
const LINGERING = new WeakMap<RealtimeClient, Set<Topic>>();
/** A broadcast can get lost with none after it to tell: so what is live is read this often too. */
const FIRST_CHECK_MS = 1_000;
const LAST_CHECK_MS = 30_000;

const BAD_TOKEN = /^(?:InvalidJWTToken|MalformedJWT|JwtSignatureError|JwtSignerError)/;
/** The channels that topics have made, of all clients. */
const OURS = new WeakSet<RealtimeChannel>();

export class Topic implements Heard {
  /** By what the others know this client here. */
  readonly presenceKey = Math.random().toString(36).slice(2);
  /** Why it is not live, where that is known. */
  trouble: string | null = null;
  isLive = false;
  isRefused = false;
  readonly #listeners = new Set<Listener>();
  readonly #changed = new Bell();
  readonly #run: Promise<void>;
  #channel: RealtimeChannel | null = null;
  /** The server closed the channel, or does not answer it. */
  #isClosed = false;
  #isWanted = true;
  /** The server said so. */
  #isStreaming = false;
  #isThrottled = false;
  /** What the present channel was joined with. */
  #token: string | null = null;
  #isTokenRefused = false;
  /** The token, since the topic was live. */
  #isRenewed = false;
  /** What each listener wants the others to see; they see the latest. */
  readonly #tracked = new Map<Listener, object>();
  /** On the present connection. */
  #isTracked = true;
  #isHurried = false;
  #lingering: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly realtime: RealtimeClient,
    private readonly session: Session,
    readonly name: string,
    private readonly onEnd: (topic: Topic) => void,
  ) {
    this.#run = this.#runUntilEnd();
  }

  /** Is each event heard, from now on? */
  get isStreaming(): boolean {
    return this.isLive && this.#isStreaming;
  }

  /** Does anybody listen? */
  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** Who is here: what each tracks, by key. */
  get present(): Record<string, object[]> {
    return this.#channel?.presenceState() ?? {};
  }

  /** Add a listener; it hears of everything from now on. */
  add(listener: Listener): void {
    this.#linger(null);
    this.#listeners.add(listener);
    if (this.isLive) listener.put({ type: "resync" });
    if (this.isLive || this.trouble) listener.tellConnection();
  }

  /** Tell a listener nothing more; the topic is left soon after the last one. */
  remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#tracked.delete(listener)) this.#trackAnew();
    if (this.#listeners.size === 0) this.#linger(this.isRefused ? 0 : LINGER_MS);
  }

  /** Try now what is not live, and would wait. */
  retry(): void {
    if (this.isLive) return;
    this.#isHurried = true;
    this.#changed.ring();
  }

  /** Leave, whoever listens. */
  async end(): Promise<void> {
    this.#linger(null);
    this.onEnd(this);
    this.#listeners.forEach((listener) => listener.end());
    this.#isWanted = false;
    this.#changed.ring();
    await this.#run;
  }

  /** Say something to the others here; it is lost while the topic is not live. */
  async send(event: string, payload: object): Promise<void> {
    if (this.isLive) await this.#channel?.send({ type: "broadcast", event, payload });
  }

  /** Let the others see this whenever the topic is subscribed, for as long as `listener` listens. */
  track(listener: Listener, payload: object): void {
    this.#tracked.set(listener, payload);
    this.#trackAnew();
  }

  #trackAnew(): void {
    this.#isTracked = false;
    this.#changed.ring();
  }

  /** Stay for so long without a listener; the one that has stayed longest makes room. */
  #linger(milliseconds: number | null): void {
    const lingering = LINGERING.get(this.realtime) ?? new Set<Topic>();
    LINGERING.set(this.realtime, lingering);
    clearTimeout(this.#lingering);
    lingering.delete(this);
    if (milliseconds === null) return;
    lingering.add(this);
    this.#lingering = setTimeout(() => void this.end(), milliseconds);
    if (lingering.size > MAX_LINGERING) for (const oldest of lingering) return void oldest.end();
  }

  async #runUntilEnd(): Promise<void> {
    await Promise.resolve(); // whoever began this knows of it before it can be over
    try {
      await this.#keepSubscribed();
    } catch (error) {
      this.#refuse(error as RomashkaError);
    }
    await this.#leave();
  }

  async #keepSubscribed(): Promise<void> {
    for (let failures = 0, checks = 0; this.#isWanted && !this.isRefused;) {
      if (!this.isLive) await this.#mend(failures);
      this.#bePresent();
      if (this.isLive) failures = 0;
      else [failures, checks] = [failures + 1, 0];
      const isNews = await this.#changed.wait(this.#pauseMs(failures, checks));
      if (isNews || !this.isLive) continue;
      checks += 1;
      this.#tellAll({ type: "check" });
    }
  }

  /** For how long to wait for news: before the next check, or the next try. */
  #pauseMs(failures: number, checks: number): number {
    if (!this.isLive) return backoffMs(failures, this.#isThrottled);
    if (this.#isStreaming) return LAST_CHECK_MS;
    return Math.min(FIRST_CHECK_MS * 2 ** checks, LAST_CHECK_MS);
  }

  /**
   * Do the next thing that is needed; what goes wrong is told, and tried again.
   *
   * @throws {@link NotSignedIn} the session is over
   * @throws {@link Conflict} the application has a channel of that name
   */
  async #mend(failures: number): Promise<void> {
    try {
      if (!this.#channel) await this.#join();
      else if (this.#isGivenUp(this.#channel)) await this.#leave();
      // Without a socket the client waits for one, and joins then; but not if the application closed it.
      else if (this.#isHurried || failures % 10 === 9) this.realtime.connect();
      this.#isHurried = false;
    } catch (error) {
      if (error instanceof NotSignedIn && error.code) throw error;
      if (error instanceof Conflict) throw error;
      this.#noteTrouble((error as Error).message); // of all that a network does nothing is final
    }
  }

  /** Was it refused, or closed by the server? Then a new one must be joined. */
  #isGivenUp({ state }: RealtimeChannel): boolean {
    return this.#isClosed || (state === "errored" && this.realtime.isConnected());
  }

  async #join(): Promise<void> {
    await this.#renewToken();
    this.#refuseChannelOfApplication();
    const channel = this.realtime.channel(this.name, this.#options);
    OURS.add(channel);
    channel.on("broadcast", { event: "*" }, ({ event, payload }) => {
      this.#tellAll({ type: "broadcast", event, payload });
    });
    channel.on("system", {}, ({ status }) => status === "ok" && this.#onStreaming());
    if (this.#hasPresence) {
      channel.on("presence", { event: "sync" }, () => this.#tellAll({ type: "check" }));
    }
    this.#channel = channel;
    this.#isClosed = false;
    this.#token = this.session.token;
    try {
      channel.subscribe((state, error) => this.#onState(channel, state, error?.message));
    } catch (error) {
      this.#refuse(new RomashkaError(`unable to listen; ${(error as Error).message}`)); // no WebSocket
    }
  }

  /** Get a token that is good by the clock; or (once) a new one, if the server refused it. */
  async #renewToken(): Promise<void> {
    if (!this.#isTokenRefused || this.#isRenewed) return this.session.renewIfExpired();
    await this.session.renew();
    this.#isRenewed = true;
  }

  /**
   * Refuse where the application has a channel of this name: the client has one of a name, and ours would
   * be that one, which never tells us anything.
   *
   * @throws {@link Conflict} it has
   */
  #refuseChannelOfApplication(): void {
    const present = this.realtime.getChannels().find(({ subTopic }) => subTopic === this.name);
    if (!present) return;
    if (OURS.has(present)) throw new Unreachable("the topic is being left"); // soon it is free
    const way = "listen with client.topics.listen, or remove the channel first";
    throw new Conflict(
      `unable to listen; the application has a channel of its own on ${this.name}: ${way}`,
      "channel_in_use",
    );
  }

  /** Track what is to be tracked: each connection begins without. */
  #bePresent(): void {
    if (!this.isLive || this.#isTracked) return;
    this.#isTracked = true;
    const seen = [...this.#tracked.values()].at(-1);
    const { userId } = this.session; // of who joined: nobody may have been signed in before
    void (seen ? this.#channel?.track({ ...seen, user_id: userId }) : this.#channel?.untrack());
  }

  async #leave(): Promise<void> {
    const channel = this.#channel;
    this.#channel = null;
    this.isLive = false;
    if (channel) await this.realtime.removeChannel(channel);
    // A handshake that is never answered has no time limit of its own.
    if (this.#isClosed && this.realtime.isConnecting()) await this.realtime.disconnect();
  }

  #onState(channel: RealtimeChannel, state: `${string}`, reason = ""): void {
    if (channel !== this.#channel) return;
    this.#changed.ring();
    if (state === "SUBSCRIBED") return this.#noteLive();
    this.#isTokenRefused = BAD_TOKEN.test(reason);
    this.#isClosed = state !== "CHANNEL_ERROR";
    if (reason.startsWith("Unauthorized") && this.session.token === this.#token) {
      this.#refuse(new PermissionDenied(`unable to listen; ${reason}`, "unauthorized"));
    }
    this.#noteTrouble(reason || `the server says ${state}`);
  }

  #noteLive(): void {
    this.isLive = true;
    this.#isTokenRefused = this.#isRenewed = false;
    this.trouble = null;
    this.#tellAll({ type: "resync" });
    this.#tellConnection();
  }

  #noteTrouble(trouble: string): void {
    this.isLive = false;
    this.trouble = trouble;
    this.#isStreaming = false;
    this.#isTracked = this.#tracked.size === 0;
    this.#isThrottled = trouble.includes("RateLimit");
    this.#tellConnection();
  }

  #refuse(error: RomashkaError): void {
    this.isRefused = true;
    this.#changed.ring();
    this.#listeners.forEach((listener) => listener.refuse(error));
  }

  #onStreaming(): void {
    this.#isStreaming = true;
    this.#changed.ring();
    this.#tellAll({ type: "check" });
  }

  #tellAll(signal: Signal): void {
    this.#listeners.forEach((listener) => listener.put(signal));
  }

  #tellConnection(): void {
    this.#listeners.forEach((listener) => listener.tellConnection());
  }

  get #hasPresence(): boolean {
    return this.name.endsWith(":typing") || this.name.endsWith(":presence");
  }

  get #options() {
    // A server can accept a join before it streams; asked like this, it says when.
    const broadcast = { ack: false, self: false, replication_ready: true };
    const presence = { key: this.presenceKey, enabled: this.#hasPresence };
    return { config: { broadcast, presence, private: true } };
  }
}
