/**
 * Files of replies: on their way from the moment they are chosen, whichever conversation is open meanwhile; a message
 * waits for its own.
 */
import { type Attachment, RomashkaError, Unreachable } from "romashka";
import { useSyncExternalStore } from "react";

/** Where files are stored: `client.attachments`. */
export interface Shelf {
  upload(
    conversationId: string,
    file: File,
    name?: string,
    options?: { signal?: AbortSignal; onProgress?: (share: number) => void },
  ): Promise<Attachment>;
}

/** A file as the screen shows it. */
export interface FileState {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly type: string;
  /** How much of it is stored: 0 to 1. */
  readonly share: number;
  readonly isStored: boolean;
  /** Why it could not be stored. */
  readonly error: Error | null;
}

/** A message waits for it as for a promise, and asks anew when it is tried again. */
class Chosen implements PromiseLike<Attachment> {
  shown: FileState;
  #attempt: Promise<Attachment> | null = null;
  #abort = new AbortController();

  constructor(
    private readonly shelf: Shelf,
    private readonly conversationId: string,
    private readonly file: File,
  ) {
    const { name, size, type } = file;
    const id = crypto.randomUUID();
    this.shown = { id, name, size, type, share: 0, isStored: false, error: null };
  }

  /** Store it; what is stored already, or is being stored, is not stored twice. */
  attachment(): Promise<Attachment> {
    this.#attempt ??= this.#store();
    return this.#attempt;
  }

  then: PromiseLike<Attachment>["then"] = (onStored, onFailed) =>
    this.attachment().then(onStored, onFailed);

  giveUp(): void {
    this.#abort.abort();
  }

  /** Does it make no sense to try again? */
  get isRefused(): boolean {
    const { error } = this.shown;
    return error instanceof RomashkaError && !(error instanceof Unreachable) && !error.retryable;
  }

  async #store(): Promise<Attachment> {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#show({ share: 0, error: null });
    const onProgress = (share: number) => this.#show({ share });
    try {
      const options = { signal, onProgress };
      const stored = await this.shelf.upload(
        this.conversationId,
        this.file,
        this.file.name,
        options,
      );
      this.#show({ share: 1, isStored: true });
      return stored;
    } catch (error) {
      this.#attempt = null; // the next try is another
      this.#show({ error: error as Error });
      throw error;
    }
  }

  #show(changes: Partial<FileState>): void {
    this.shown = { ...this.shown, ...changes };
    trays.forEach((files, id) => files.includes(this) && show(id, files));
    tell();
  }
}

const NONE: readonly FileState[] = [];
/** What was chosen for a conversation and is not sent yet. */
const trays = new Map<string, readonly Chosen[]>();
const shownTrays = new Map<string, readonly FileState[]>();
/** The file of a message on its way. */
const sent = new Map<string, Chosen>();
const watchers = new Set<() => void>();

/** Choose files for the next message of a conversation. */
export function choose(shelf: Shelf, conversationId: string, files: Iterable<File>): void {
  const chosen = [...files].map((file) => new Chosen(shelf, conversationId, file));
  show(conversationId, [...(trays.get(conversationId) ?? []), ...chosen]);
  chosen.forEach((each) => void each.attachment().catch(() => {})); // it is shown
}

/** Take one back; if it is on its way, it is given up. */
export function remove(conversationId: string, id: string): void {
  const files = trays.get(conversationId) ?? [];
  files.find(({ shown }) => shown.id === id)?.giveUp();
  show(
    conversationId,
    files.filter(({ shown }) => shown.id !== id),
  );
}

/** Try once more to store one. */
export function tryAgain(conversationId: string, id: string): void {
  const file = trays.get(conversationId)?.find(({ shown }) => shown.id === id);
  void file?.attachment().catch(() => {});
}

/** Take what is to be sent out of the tray; what was refused stays there, with its reason. */
export function take(conversationId: string): readonly Chosen[] {
  const files = trays.get(conversationId) ?? [];
  show(
    conversationId,
    files.filter((file) => file.isRefused),
  );
  return files.filter((file) => !file.isRefused);
}

/** The file goes with this message. */
export function goesWith(messageId: string, file: Chosen): void {
  sent.set(messageId, file);
}

export function fileNameOf(messageId: string): string | null {
  return sent.get(messageId)?.shown.name ?? null;
}

/** The message is stored, with its file. */
export function arrived(messageId: string): void {
  sent.delete(messageId);
}

/** The message was given up: the file is, too, or it is to be chosen for another one. */
export function comeBack(messageId: string, conversationId: string, isKept: boolean): void {
  const file = sent.get(messageId);
  sent.delete(messageId);
  if (!file) return;
  if (isKept) show(conversationId, [...(trays.get(conversationId) ?? []), file]);
  else file.giveUp();
}

export function useTray(conversationId: string): readonly FileState[] {
  return useSyncExternalStore(subscribe, () => shownTrays.get(conversationId) ?? NONE);
}

/** The file of a message on its way, if it has one. */
export function useFileOf(messageId: string): FileState | null {
  return useSyncExternalStore(subscribe, () => sent.get(messageId)?.shown ?? null);
}

/** Is something chosen that a closed page would forget? */
export function hasChosen(): boolean {
  return [...trays.values()].some((files) => files.length > 0);
}

/** Whoever chose them leaves. */
export function forgetFiles(): void {
  trays.forEach((files) => files.forEach((file) => file.giveUp()));
  [trays, shownTrays, sent].forEach((all) => all.clear());
  tell();
}

function show(conversationId: string, files: readonly Chosen[]): void {
  trays.set(conversationId, files);
  shownTrays.set(
    conversationId,
    files.map(({ shown }) => shown),
  );
  tell();
}

function tell(): void {
  watchers.forEach((each) => each());
}

function subscribe(onChange: () => void): () => void {
  watchers.add(onChange);
  return () => watchers.delete(onChange);
}
