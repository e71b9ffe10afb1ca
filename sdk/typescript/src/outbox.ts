/** What somebody wrote, from the first moment until it is among the messages: in order, each stored once. */
import { newId } from "./id.js";
import type { Message } from "./models.js";
import type { SendOptions } from "./outgoing.js";

/** A message that is not among the messages yet. */
export interface Outgoing extends Pick<SendOptions, "senderType" | "metadata" | "attachment"> {
  /** It stays the same, however often it is sent. */
  readonly id: string;
  readonly text: string;
  readonly writtenAt: string;
  /** `waiting` for those before it, or being sent; or it could not be, and `retrySend` tries again. */
  readonly state: "waiting" | "sending" | "failed";
  /** Why it could not be sent. */
  readonly error: Error | null;
}

interface Entry {
  shown: Outgoing;
  readonly options: SendOptions;
  readonly abort: AbortController;
  /** It was heard of, whatever becomes of the request. */
  readonly stored: Promise<Message>;
  readonly note: (message: Message) => void;
}

export type Store = (text: string, options: SendOptions & { id: string }) => Promise<Message>;

export class Outbox {
  #entries: readonly Entry[] = [];
  #shown: readonly Outgoing[] = [];
  #before: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly onChange: () => void,
  ) {}

  /** Oldest first. */
  get all(): readonly Outgoing[] {
    return this.#shown;
  }

  /** Send a message after those before it; the one that has this id already, if there is one. */
  send(text: string, options: SendOptions = {}): Promise<Message> {
    const { id = newId(), senderType, metadata, attachment } = options;
    const present = this.#find(id);
    if (present) return present.shown.state === "failed" ? this.retry(id) : present.stored;
    const more = { senderType: senderType ?? "user", metadata, attachment };
    return this.#deliver({ id, text, ...more, writtenAt: new Date().toISOString() }, options);
  }

  /** Send one again that failed. */
  retry(id: string): Promise<Message> {
    const failed = this.#find(id);
    if (failed?.shown.state !== "failed") {
      return (
        failed?.stored ?? Promise.reject(new Error(`unable to send again; no message ${id} failed`))
      );
    }
    const { signal: _, ...options } = failed.options;
    return this.#deliver(failed.shown, options);
  }

  /** Give one up; if it is being sent, it may be stored all the same. */
  discard(id: string): void {
    this.#find(id)?.abort.abort();
    this.#change(this.#entries.filter(({ shown }) => shown.id !== id));
  }

  /** These are stored. */
  note(messages: readonly Message[]): void {
    if (this.#entries.length === 0) return;
    const ids = new Set(this.#entries.map(({ shown }) => shown.id));
    for (const message of messages) if (ids.has(message.id)) this.#noteOne(message);
  }

  #noteOne(message: Message): void {
    this.#find(message.id)?.note(message);
    this.#change(this.#entries.filter(({ shown }) => shown.id !== message.id));
  }

  async #deliver(
    message: Omit<Outgoing, "state" | "error">,
    options: SendOptions,
  ): Promise<Message> {
    const { id, text } = message;
    let note: Entry["note"] = () => {};
    const stored = new Promise<Message>((resolve) => (note = resolve));
    const abort = new AbortController();
    const { signal } = options;
    if (signal?.aborted) abort.abort(signal.reason);
    signal?.addEventListener("abort", () => abort.abort(signal.reason));
    const shown: Outgoing = { ...message, state: "waiting", error: null };
    const entry: Entry = { shown, options, abort, stored, note };
    const others = this.#entries.filter((each) => each.shown.id !== id);
    this.#change([...others, entry]);
    const turn = this.#before;
    const sent = turn.then(() => {
      abort.signal.throwIfAborted();
      this.#set(entry, { state: "sending" });
      return this.store(text, { ...options, id, signal: abort.signal });
    });
    // Whichever comes first: the request's answer may get lost, and the message be seen all the same.
    const first = Promise.race([sent, stored]);
    this.#before = first.catch(() => {});
    try {
      const row = await first;
      this.#noteOne(row);
      return row;
    } catch (error) {
      this.#set(entry, { state: "failed", error: error as Error });
      throw error;
    }
  }

  #find(id: string): Entry | undefined {
    return this.#entries.find(({ shown }) => shown.id === id);
  }

  #set(entry: Entry, changes: Partial<Outgoing>): void {
    if (!this.#entries.includes(entry)) return;
    entry.shown = { ...entry.shown, ...changes };
    this.#change([...this.#entries]);
  }

  #change(entries: readonly Entry[]): void {
    this.#entries = entries;
    this.#shown = entries.map(({ shown }) => shown);
    this.onChange();
  }
}
