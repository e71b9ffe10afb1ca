/** What the customer sent, until its conversation's thread has it: a session, a conversation and its file come first. */
import type { Attachment, Outgoing, Thread } from "romashka";

export interface Parcel {
  /** It stays the same, however often it is sent. */
  readonly id: string;
  readonly text: string;
  /** Who wrote it, if the page vouches for somebody. Undefined: it is not known yet. */
  readonly by?: string | undefined;
  readonly metadata?: Outgoing["metadata"];
  readonly file?: File | undefined;
}

/** What a screen shows of it. */
export interface Leaving extends Outgoing {
  readonly by?: string | undefined;
  readonly file?: File | undefined;
}

interface Ways {
  /** Wait until there is a network, and nothing that was written before waits for another try. */
  clear(): Promise<void>;
  /** Give the thread to write into, as who is to have written it; begin what there is not yet, if it is still wanted. */
  reach(isWanted: () => boolean): Promise<Thread>;
  upload(conversationId: string, file: File): Promise<Attachment>;
  onChange(all: readonly Leaving[]): void;
}

export class Departures {
  #all: readonly Leaving[] = [];
  readonly #files = new Map<string, Attachment>();
  readonly #paused = new Map<string, () => void>();
  #before: Promise<void> = Promise.resolve();

  constructor(private readonly ways: Ways) {}

  /** Send it after those before it; the one that has this id already, if there is one. */
  send({ id, text, by, metadata, file }: Parcel): void {
    if (this.#all.some((each) => each.id === id)) return;
    const writtenAt = new Date().toISOString();
    this.#show([
      ...this.#all,
      {
        id,
        text,
        by,
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
    const go = this.#paused.get(id);
    if (go) go();
    else if (this.#find(id)!.state === "failed") this.#begin(id);
    return true;
  }

  discard(id: string): void {
    this.#show(this.#all.filter((each) => each.id !== id));
    this.#paused.get(id)?.();
  }

  #begin(id: string): void {
    this.#set(id, { state: "waiting", error: null });
    this.#before = this.#before.then(() => this.#deliver(id)).catch(() => {});
  }

  /** Until it is stored, refused or discarded, those after it wait: what is written stays in its order. */
  async #deliver(id: string): Promise<void> {
    while (this.#find(id)) {
      await this.ways.clear();
      if (!this.#find(id)) return;
      this.#set(id, { state: "sending", error: null });
      try {
        return await this.#handOver(id);
      } catch (error) {
        this.#set(id, { state: "failed", error: error as Error });
        if (!mayPass(error as Error)) return;
        await new Promise<void>((go) => this.#paused.set(id, go));
        this.#paused.delete(id);
      }
    }
  }

  async #handOver(id: string): Promise<void> {
    const { file, text, metadata } = this.#find(id)!;
    const thread = await this.ways.reach(() => !!this.#find(id));
    const attachment = file && (await this.#upload(thread.id, id, file));
    if (!this.#find(id)) return; // it was discarded
    const sending = thread.send(text, { id, metadata, attachment });
    this.discard(id); // the thread shows it, and why it fails
    await sending.catch(() => {});
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

/** Nobody refused it: the way was cut. */
export function mayPass(error: Error | null): boolean {
  const { name, status } = (error ?? {}) as { name?: string; status?: number };
  return name === "Unreachable" || status === 0;
}
