/** What the customer sent, until its conversation's thread has it: a session, a conversation and its file come first. */
import type { Attachment, Outgoing, Thread } from "romashka";

export interface Parcel {
  /** It stays the same, however often it is sent. */
  readonly id: string;
  readonly text: string;
  readonly metadata?: Outgoing["metadata"];
  readonly file?: File | undefined;
}

/** What a screen shows of it. */
export interface Leaving extends Outgoing {
  readonly file?: File | undefined;
}

interface Ways {
  /** Give the thread to write into; begin what there is not yet. */
  reach(): Promise<Thread>;
  upload(conversationId: string, file: File): Promise<Attachment>;
  onChange(all: readonly Leaving[]): void;
}

export class Departures {
  #all: readonly Leaving[] = [];
  readonly #files = new Map<string, Attachment>();
  #before: Promise<void> = Promise.resolve();

  constructor(private readonly ways: Ways) {}

  /** Send it after those before it; the one that has this id already, if there is one. */
  send({ id, text, metadata, file }: Parcel): void {
    if (this.#all.some((each) => each.id === id)) return;
    const writtenAt = new Date().toISOString();
    this.#show([
      ...this.#all,
      {
        id,
        text,
        metadata,
        file,
        senderType: "user",
        attachment: undefined,
        writtenAt,
        state: "waiting",
        error: null,
      },
    ]);
    this.#begin(id);
  }

  retry(id: string): boolean {
    if (!this.#find(id)) return false;
    if (this.#find(id)!.state === "failed") this.#begin(id);
    return true;
  }

  discard(id: string): void {
    this.#show(this.#all.filter((each) => each.id !== id));
  }

  #begin(id: string): void {
    this.#set(id, { state: "waiting", error: null });
    this.#before = this.#before.then(() => this.#deliver(id)).catch(() => {});
  }

  async #deliver(id: string): Promise<void> {
    const leaving = this.#find(id);
    if (!leaving) return; // it was discarded
    this.#set(id, { state: "sending" });
    try {
      const thread = await this.ways.reach();
      const attachment = leaving.file && (await this.#upload(thread.id, leaving.id, leaving.file));
      if (!this.#find(id)) return;
      const { text, metadata } = leaving;
      void thread.send(text, { id, metadata, attachment }).catch(() => {}); // it shows why
      this.discard(id);
    } catch (error) {
      this.#set(id, { state: "failed", error: error as Error });
    }
  }

  async #upload(conversationId: string, id: string, file: File): Promise<Attachment> {
    const kept = this.#files.get(id);
    if (kept?.path.startsWith(conversationId)) return kept;
    const attachment = await this.ways.upload(conversationId, file);
    this.#files.set(id, attachment);
    return attachment;
  }

  #find = (id: string) => this.#all.find((each) => each.id === id);

  #set(id: string, changes: Partial<Leaving>): void {
    this.#show(this.#all.map((each) => (each.id === id ? { ...each, ...changes } : each)));
  }

  #show(all: readonly Leaving[]): void {
    this.#all = all;
    this.ways.onChange(all);
  }
}
