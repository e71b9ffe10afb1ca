/**
 * One private channel, and whatever it takes to keep it subscribed.
 *
 * The Realtime client of supabase-js opens a lost socket anew and joins its channels again. It does not
 * join a channel that the server closed (its token expired), and what was sent meanwhile is lost. Here a
 * topic stays subscribed for as long as somebody listens, and after every interruption each listener
 * gets a resync. What to read then is the listener's business.
 */
import type { RealtimeChannel, SupabaseClient } from "@supabase/supabase-js";

import { PermissionDenied, RomashkaError } from "./errors.js";
import type { Listener, PresenceState, Signal } from "./listener.js";
import { backoffMs, pause } from "./pause.js";

/** How long a topic stays subscribed without a listener: the next one need not join again. */
const LINGER_MS = 2_000;
/** Broadcasts get lost without a trace, most of all right after a join: when to look at what is there. */
const FIRST_CHECK_MS = 1_000;
const LAST_CHECK_MS = 30_000;

/** A topic that its members write to; the others are the database's. */
const SHARED = /^conversation:.+:typing$/;

export class Topic {
  /** By what the others know this client here. */
  readonly presenceKey = Math.random().toString(36).slice(2);
  readonly #listeners = new Set<Listener>();
  #channel: RealtimeChannel | null = null;
  #token: string | null = null;
  #tracked: object | null = null;
  #isWanted = false;
  #isLive = false;
  #isRefused = false;
  /** How often the server has closed the channel since it last was quiet. */
  #closed = 0;
  #isClosed = false;
  #settling: Promise<void> | null = null;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #checking: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly realtime: SupabaseClient["realtime"],
    private readonly name: string,
    private readonly onEnd: (topic: Topic) => void,
  ) {}

  add(listener: Listener): void {
    clearTimeout(this.#lingering);
    this.#listeners.add(listener);
    if (this.#isLive) {
      listener.put({ type: "resync" });
      if (this.#isShared) listener.put(this.#presence());
      listener.tellConnection(true);
    }
    this.#isWanted = true;
    void this.#settle();
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#lingering = setTimeout(() => void this.end(), this.#isRefused ? 0 : LINGER_MS);
  }

  /** Leave, whoever listens. */
  async end(): Promise<void> {
    clearTimeout(this.#lingering);
    this.#isWanted = false;
    await this.#settle();
  }

  /** Say something to the others here; it is lost while the topic is not live. */
  async send(event: string, payload: object): Promise<void> {
    if (this.#isLive) await this.#channel?.send({ type: "broadcast", event, payload });
  }

  /** Let the others see this for as long as the topic is subscribed. */
  async track(tracked: object): Promise<void> {
    this.#tracked = tracked;
    if (this.#isLive) await this.#channel?.track(tracked);
  }

  /** Bring the channel to where it should be. One at a time: a join never meets a leave. */
  #settle(): Promise<void> {
    this.#settling ??= this.#untilSettled();
    return this.#settling;
  }

  async #untilSettled(): Promise<void> {
    await Promise.resolve(); // whoever began this knows of it before it can be over
    for (;;) {
      if (this.#channel && (this.#isClosed || !this.#isWanted)) await this.#leave();
      else if (!this.#channel && this.#isWanted) await this.#join();
      else break;
    }
    this.#settling = null;
    if (!this.#isWanted) this.onEnd(this);
  }

  async #join(): Promise<void> {
    if (this.#isClosed) await pause(backoffMs(this.#closed));
    this.#isClosed = false;
    await this.#refreshToken();
    try {
      this.#subscribe(this.#isShared ? this.#sharedChannel() : this.#databaseChannel());
    } catch (error) {
      this.#refuse(new RomashkaError(`unable to listen; ${(error as Error).message}`)); // no WebSocket
    }
  }

  #subscribe(channel: RealtimeChannel): void {
    this.#channel = channel;
    channel.on("broadcast", { event: "*" }, ({ event, payload }) => {
      this.#tellAll({ type: "broadcast", event, payload });
    });
    channel.subscribe((state, error) => {
      if (channel === this.#channel) void this.#onState(state, error?.message ?? "");
    });
  }

  #databaseChannel(): RealtimeChannel {
    // A server can accept a join before it streams; asked like this, it says when it does.
    const broadcast = { ack: false, self: false, replication_ready: true };
    const channel = this.realtime.channel(this.name, { config: { private: true, broadcast } });
    return channel.on("system", {}, ({ status }) => {
      if (status === "ok") this.#check(LAST_CHECK_MS);
    });
  }

  #sharedChannel(): RealtimeChannel {
    const presence = { enabled: true, key: this.presenceKey };
    const channel = this.realtime.channel(this.name, { config: { private: true, presence } });
    return channel.on("presence", { event: "sync" }, () => {
      if (channel === this.#channel) this.#tellAll(this.#presence());
    });
  }

  #presence(): PresenceState {
    return { type: "presence", tracked: this.#channel?.presenceState() ?? {} };
  }

  get #isShared(): boolean {
    return SHARED.test(this.name);
  }

  async #leave(): Promise<void> {
    const channel = this.#channel;
    this.#channel = null;
    this.#setLive(false);
    if (channel) await this.realtime.removeChannel(channel);
  }

  async #onState(state: `${string}`, reason: string): Promise<void> {
    this.#setLive(state === "SUBSCRIBED");
    if (state === "CLOSED") {
      this.#isClosed = true;
      this.#closed += 1;
      void this.#settle();
    } else if (state !== "SUBSCRIBED") {
      // The client joins again by itself, with the token that it is given here.
      const isNew = await this.#refreshToken();
      if (reason.startsWith("Unauthorized") && !isNew) {
        this.#refuse(new PermissionDenied(`unable to listen; ${reason}`, "unauthorized"));
      }
    }
  }

  #refuse(error: RomashkaError): void {
    this.#isRefused = true;
    this.#isWanted = false;
    this.#listeners.forEach((listener) => listener.refuse(error));
    void this.#settle();
  }

  /** Give Realtime the session's token, which Auth renews where it is too old. Is it new to us? */
  async #refreshToken(): Promise<boolean> {
    await this.realtime.setAuth().catch(() => {}); // offline: the next try has one
    const before = this.#token;
    this.#token = this.realtime.accessTokenValue;
    return this.#token !== before;
  }

  #setLive(isLive: boolean): void {
    this.#isLive = isLive;
    clearTimeout(this.#checking);
    if (isLive) {
      this.#tellAll({ type: "resync" });
      if (!this.#isShared) this.#checkIn(FIRST_CHECK_MS);
      if (this.#tracked) void this.#channel?.track(this.#tracked);
    }
    this.#listeners.forEach((listener) => listener.tellConnection(isLive));
  }

  #check(nextMs: number): void {
    this.#tellAll({ type: "check" });
    this.#checkIn(nextMs);
  }

  #checkIn(milliseconds: number): void {
    clearTimeout(this.#checking);
    this.#checking = setTimeout(() => {
      this.#closed = 0;
      this.#check(Math.min(2 * milliseconds, LAST_CHECK_MS));
    }, milliseconds);
  }

  #tellAll(signal: Signal): void {
    this.#listeners.forEach((listener) => listener.put(signal));
  }
}
