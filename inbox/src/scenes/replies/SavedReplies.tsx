/** The team's saved replies: found, written, changed and removed. */
import { Pencil, Plus, Trash2 } from "lucide-react";
import { Conflict, REPLY_VARIABLES, type SavedReply } from "romashka";
import { useClient } from "romashka/react";
import { type FormEvent, useState } from "react";

import { languageName, offeredWith } from "../../languages";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Field, Ways, Wrong } from "../../parts/Field";
import { Notice } from "../../parts/Notice";
import { Skeleton } from "../../parts/Skeleton";
import { readReplies, search, useSavedReplies } from "../../savedReplies";
import { useSpoken, useStrings } from "../../strings";
import { showToast } from "../../toasts";
import css from "./SavedReplies.module.css";

type Written = Pick<SavedReply, "shortcut" | "title" | "content" | "language">;
const NEW: Written = { shortcut: "", title: "", content: "", language: null };

export default function SavedReplies({ onClose }: { onClose: () => void }) {
  const { replies: words, done, ...strings } = useStrings();
  const client = useClient();
  const all = useSavedReplies(true);
  const [text, setText] = useState("");
  const [edited, setEdited] = useState<SavedReply | "new" | null>(null);
  const found = all && search(all, text, null);

  async function save(written: Written): Promise<void> {
    if (edited === "new") {
      const { shortcut, content, ...options } = written;
      await client.savedReplies.add(shortcut, content, options);
    } else await client.savedReplies.update((edited as SavedReply).id, written);
    setEdited(null);
    await readReplies(client);
  }

  async function remove({ id, shortcut, content, title, language }: SavedReply): Promise<void> {
    const failed = (error: Error) => showToast({ text: done.failed(error.message), isAlert: true });
    const again = async () => {
      await client.savedReplies.add(shortcut, content, { title, language });
      await readReplies(client);
    };
    try {
      await client.savedReplies.remove(id);
      await readReplies(client);
      showToast({ text: words.removed, undo: () => void again().catch(failed) });
    } catch (error) {
      failed(error as Error);
    }
  }

  return (
    <Dialog title={words.title} onClose={onClose}>
      {edited ? (
        <Editor
          key={edited === "new" ? "new" : edited.id}
          reply={edited === "new" ? NEW : edited}
          onSave={save}
          onCancel={() => setEdited(null)}
        />
      ) : (
        <>
          <div className={css["head"]}>
            <input
              type="search"
              aria-label={words.search}
              placeholder={words.search}
              dir="auto"
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
            <Button look="main" onClick={() => setEdited("new")}>
              <Plus size={16} aria-hidden="true" />
              {words.add}
            </Button>
          </div>
          {!found && <Skeleton kind="rows" />}
          {found?.length === 0 && (
            <Notice title={words.none} text={all?.length === 0 ? words.noneYet : undefined} />
          )}
          <ul className={css["list"]}>
            {found?.map((reply) => (
              <Item
                key={reply.id}
                reply={reply}
                edit={strings.message.edit}
                onEdit={() => setEdited(reply)}
                onRemove={() => void remove(reply)}
              />
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}

function Item(props: {
  reply: SavedReply;
  edit: string;
  onEdit: () => void;
  onRemove: () => void;
}) {
  const { strings, locale } = useSpoken();
  const { shortcut, title, content, language } = props.reply;
  return (
    <li>
      <div>
        <p className={css["name"]}>
          <bdi>/{shortcut}</bdi>
          {title !== shortcut && <bdi>{title}</bdi>}
          {language && <span className={css["language"]}>{languageName(language, locale)}</span>}
        </p>
        <p className={css["text"]} dir="auto">
          {content}
        </p>
      </div>
      <Button look="icon" aria-label={`${props.edit}: /${shortcut}`} onClick={props.onEdit}>
        <Pencil size={16} />
      </Button>
      <Button look="icon" aria-label={strings.replies.remove(shortcut)} onClick={props.onRemove}>
        <Trash2 size={16} />
      </Button>
    </li>
  );
}

function Editor(props: {
  reply: Written;
  onSave: (reply: Written) => Promise<void>;
  onCancel: () => void;
}) {
  const { strings, locale } = useSpoken();
  const { replies: words, done } = strings;
  const [written, setWritten] = useState(props.reply);
  const [wrong, setWrong] = useState<string | null>(null);
  const [isSaving, setSaving] = useState(false);
  const { shortcut, title, content, language } = written;
  const put = (changes: Partial<Written>) => setWritten({ ...written, ...changes });

  async function submit(event: FormEvent) {
    event.preventDefault();
    const word = shortcut.trim().replace(/^\//, "");
    if (!word || /\s/.test(word)) return setWrong(words.oneWord);
    if (!content.trim()) return setWrong(words.empty);
    setSaving(true);
    try {
      await props.onSave({ shortcut: word, title: title.trim() || word, content, language });
    } catch (error) {
      setWrong(
        error instanceof Conflict ? words.taken(word) : done.failed((error as Error).message),
      );
      setSaving(false);
    }
  }

  return (
    <form className={css["editor"]} onSubmit={(event) => void submit(event)}>
      <div className={css["row"]}>
        <Field label={words.shortcut} hint={words.shortcutHint}>
          {(id) => (
            <input
              id={id}
              autoFocus
              value={shortcut}
              maxLength={50}
              dir="auto"
              onChange={(event) => put({ shortcut: event.target.value })}
            />
          )}
        </Field>
        <Field label={words.name}>
          {(id) => (
            <input
              id={id}
              value={title}
              maxLength={200}
              dir="auto"
              onChange={(event) => put({ title: event.target.value })}
            />
          )}
        </Field>
        <Field label={strings.language}>
          {(id) => (
            <select
              id={id}
              value={language ?? ""}
              onChange={(event) => put({ language: event.target.value || null })}
            >
              <option value="">{words.everyLanguage}</option>
              {offeredWith(language).map((code) => (
                <option key={code} value={code}>
                  {languageName(code, locale)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <Field label={words.content} hint={words.variables}>
        {(id) => (
          <textarea
            id={id}
            value={content}
            dir="auto"
            onChange={(event) => put({ content: event.target.value })}
          />
        )}
      </Field>
      <p className={css["variables"]} dir="ltr">
        {REPLY_VARIABLES.map((name) => (
          <button
            key={name}
            type="button"
            onClick={() => put({ content: `${content}{{${name}}}` })}
          >
            {`{{${name}}}`}
          </button>
        ))}
      </p>
      <Wrong text={wrong} />
      <Ways>
        <Button look="main" type="submit" disabled={isSaving}>
          {words.save}
        </Button>
        <Button onClick={props.onCancel}>{strings.cancel}</Button>
      </Ways>
    </form>
  );
}
