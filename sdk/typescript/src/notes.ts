/** What staff noted about one conversation, as they note it: `client.inbox.notes(id)`. */
import type { Core } from "./core.js";
import type { Feed, Follower } from "./feed.js";
import { type Followed, Following, type Source } from "./following.js";
import type { Broadcast } from "./listener.js";
import type { Note, NoteEvent } from "./models.js";
import { readUpTo } from "./pages.js";
import { checkStorable } from "./storable.js";

const PAGE = 500;

export interface NotesState extends Followed {
  /** Oldest first. */
  readonly notes: readonly Note[];
}

export class Notes extends Following<NotesState> implements Follower {
  protected readonly source: Source;
  /** What was heard since what is being read was asked for. */
  #heard: NoteEvent[] = [];

  constructor(
    private readonly core: Core,
    feed: Feed,
    readonly conversationId: string,
  ) {
    super({ notes: [], state: "loading", error: null });
    checkStorable(conversationId);
    this.source = feed.sourceFor(this);
  }

  onChanged(): void {} // a note changes nothing of its conversation

  onBroadcast(signal: Broadcast): void {
    const event = noteOf(signal);
    if (event === null) return;
    this.#heard.push(event);
    if (event.type === "notes.changed") {
      if (event.conversation_ids?.includes(this.conversationId) !== false) this.ask();
    } else if (this.isLoaded) this.show({ notes: this.#after(this.getSnapshot().notes, event) });
  }

  protected clear(): void {
    this.show({ notes: [] });
  }

  protected async read(signal: AbortSignal): Promise<() => void> {
    this.#heard = [];
    const notes = await readUpTo<Note>(Infinity, async (_, __, from) => {
      const all = this.core.backend.from("conversation_notes").select();
      const inOrder = all
        .eq("conversation_id", this.conversationId)
        .order("created_at")
        .order("id");
      return this.core.send(inOrder.range(from, from + PAGE - 1), { signal });
    });
    return () => {
      const heard = this.#heard.splice(0);
      this.show({ notes: heard.reduce((known, event) => this.#after(known, event), notes) });
    };
  }

  #after(notes: readonly Note[], event: NoteEvent): Note[] {
    const known = [...notes];
    if (event.type === "note.removed") return known.filter(({ id }) => id !== event.note_id);
    if (event.type === "notes.changed") return known;
    const { note } = event;
    if (note.conversation_id !== this.conversationId || known.some(({ id }) => id === note.id))
      return known;
    return [...known, note].sort((one, other) => order(one) - order(other));
  }
}

const order = ({ created_at }: Note): number => Date.parse(created_at);

/** Return what a broadcast says of notes; null if that is nothing. */
function noteOf({ event, payload }: Broadcast): NoteEvent | null {
  const isWhole =
    event === "note.created"
      ? typeof (payload["note"] as { id?: unknown } | null)?.id === "string"
      : event === "note.removed" || event === "notes.changed";
  return isWhole ? ({ ...payload, type: event } as NoteEvent) : null;
}
