/** Files that go with the next message, and how far each is. */
import { CircleAlert, Paperclip, RotateCw, X } from "lucide-react";
import { type ClipboardEvent, type DragEvent, useRef, useState } from "react";
import { useRomashka } from "romashka/react";

import { choose, type FileState, remove, tryAgain, useTray } from "../../files";
import { Button } from "../../parts/Button";
import { inBytes } from "../../sizes";
import { type Strings, useSpoken, useStrings } from "../../strings";
import { showToast } from "../../toasts";
import css from "./Tray.module.css";

export function Tray({ conversationId }: { conversationId: string }) {
  const { files } = useStrings();
  const shown = useTray(conversationId);
  if (shown.length === 0) return null;
  return (
    <ul className={css["tray"]} aria-label={files.chosen}>
      {shown.map((file) => (
        <li key={file.id} className={file.error ? css["isWrong"] : undefined}>
          <ChosenFile file={file} />
          {file.error && (
            <button
              type="button"
              aria-label={files.retry(file.name)}
              onClick={() => tryAgain(conversationId, file.id)}
            >
              <RotateCw size={14} />
            </button>
          )}
          <button
            type="button"
            aria-label={files.remove(file.name)}
            onClick={() => remove(conversationId, file.id)}
          >
            <X size={15} />
          </button>
        </li>
      ))}
    </ul>
  );
}

/** A file's name, and how far it is; or what is wrong with it. */
export function ChosenFile({ file }: { file: FileState }) {
  const { strings, locale } = useSpoken();
  const { name, size, share, isStored, error } = file;
  return (
    <>
      {error ? (
        <CircleAlert size={14} aria-hidden="true" />
      ) : (
        <Paperclip size={14} aria-hidden="true" />
      )}
      <bdi className={css["name"]}>{name}</bdi>
      {error ? (
        <span className={css["reason"]} role="alert">
          {reasonOf(error, strings)}
        </span>
      ) : isStored ? (
        <span className={css["size"]}>{inBytes(size, locale)}</span>
      ) : (
        <progress
          className={css["progress"]}
          value={share}
          aria-label={strings.files.uploading(name)}
        />
      )}
    </>
  );
}

export function reasonOf({ name }: Error, { files }: Strings): string {
  return files.failedBecause[name] ?? files.failedBecause["other"]!;
}

/** The button that chooses files. */
export function Attach({ conversationId }: { conversationId: string }) {
  const { files } = useStrings();
  const { attachments } = useRomashka();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button
        look="icon"
        aria-label={files.attach}
        title={files.attach}
        onClick={() => input.current!.click()}
      >
        <Paperclip size={17} />
      </Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={files.attach}
        onChange={({ target }) => {
          choose(attachments, conversationId, target.files ?? []);
          target.value = "";
        }}
      />
    </>
  );
}

/** What pasting and dropping files does, where a reply is written. */
export function useDropping(conversationId: string, isNote: boolean) {
  const { files } = useStrings();
  const { attachments } = useRomashka();
  const [isOver, setOver] = useState(false);
  const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer.types.includes("Files");

  function take(chosen: File[]) {
    if (isNote) return showToast({ text: files.noNotes, isAlert: true });
    choose(attachments, conversationId, chosen);
  }

  return {
    isOver,
    onPaste(event: ClipboardEvent) {
      const { files: pasted, types } = event.clipboardData;
      // What comes with text is a picture of that text.
      if (pasted.length === 0 || types.includes("text/plain")) return;
      event.preventDefault();
      take([...pasted]);
    },
    dropping: {
      onDragOver(event: DragEvent) {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave({ currentTarget, relatedTarget }: DragEvent) {
        if (!currentTarget.contains(relatedTarget as Node | null)) setOver(false);
      },
      onDrop(event: DragEvent) {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        const { items } = event.dataTransfer;
        const dropped = [...items].filter(({ kind }) => kind === "file");
        const folders = dropped.filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
        if (folders.length > 0) showToast({ text: files.noFolders, isAlert: true });
        const chosen = dropped.filter((item) => !folders.includes(item));
        take(chosen.map((item) => item.getAsFile()).filter((file) => file !== null));
      },
    },
  };
}
