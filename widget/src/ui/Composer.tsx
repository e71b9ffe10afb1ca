/** Where the customer writes. */
import { useEffect, useRef } from "preact/hooks";

import { fill, useSpeech } from "../strings";
import { Icon } from "./Icon";

interface Props {
  /** What is being written; it outlives the window. */
  text: string;
  setText: (text: string) => void;
  onSend: (text: string, files: readonly File[]) => void;
  onTyping: () => void;
  onHuman: () => void;
  files: readonly File[];
  /** One was not taken. */
  isTooLarge: boolean;
  onAdd: (files: readonly File[]) => void;
  onRemove: (file: File) => void;
}

export function Composer(props: Props) {
  const { text, setText, onSend, onTyping, onHuman, files, isTooLarge, onAdd, onRemove } = props;
  const { strings } = useSpeech();
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const isEmpty = text.trim() === "" && files.length === 0;

  // Where the browser does not make it grow by itself.
  useEffect(() => {
    if (!CSS.supports("field-sizing", "content"))
      field.current!.rows = Math.min(5, text.split("\n").length + Math.floor(text.length / 38));
  }, [text]);

  function add(added: readonly File[]): void {
    onAdd(added);
    field.current?.focus();
  }

  function send(): void {
    if (isEmpty) return;
    onSend(text.trim(), files);
    field.current?.focus();
  }

  function onKey(event: KeyboardEvent): void {
    // An input method's Enter ends a word, and no message.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229)
      return;
    event.preventDefault();
    send();
  }

  function onPaste(event: ClipboardEvent): void {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length === 0) return;
    event.preventDefault();
    add(pasted);
  }

  return (
    <form
      class="foot"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {isTooLarge && (
        <p class="problem" role="alert">
          {strings.fileTooLarge}
        </p>
      )}
      {files.length > 0 && (
        <ul class="chosen">
          {files.map((file) => (
            <li key={file}>
              <span>{file.name}</span>
              <button
                type="button"
                aria-label={fill(strings.removeFile, { name: file.name })}
                onClick={() => onRemove(file)}
              >
                <Icon name="close" size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="field">
        <button
          type="button"
          class="round"
          aria-label={strings.attach}
          title={strings.attach}
          onClick={() => picker.current!.click()}
        >
          <Icon name="attach" />
        </button>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={({ currentTarget }) => {
            add([...(currentTarget.files ?? [])]);
            currentTarget.value = "";
          }}
        />
        <textarea
          ref={field}
          rows={1}
          value={text}
          dir="auto"
          aria-label={strings.placeholder}
          placeholder={strings.placeholder}
          enterkeyhint="send"
          onInput={({ currentTarget }) => {
            setText(currentTarget.value);
            if (currentTarget.value) onTyping();
          }}
          onKeyDown={onKey}
          onPaste={onPaste}
        />
        <button type="submit" class="round send" aria-label={strings.send} disabled={isEmpty}>
          <Icon name="send" />
        </button>
      </div>
      <div class="more">
        <button type="button" class="human" onClick={onHuman}>
          {strings.human}
        </button>
      </div>
    </form>
  );
}
