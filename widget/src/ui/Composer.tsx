/** Where the customer writes. */
import { useEffect, useRef, useState } from "preact/hooks";

import { fill, useSpeech } from "../strings";
import { Icon } from "./Icon";

const MAX_BYTES = 10 * 1024 * 1024;

interface Props {
  /** What is being written; it outlives the window. */
  text: string;
  setText: (text: string) => void;
  onSend: (text: string, files: readonly File[]) => void;
  onTyping: () => void;
  onHuman: () => void;
  files: readonly File[];
  setFiles: (files: readonly File[]) => void;
}

export function Composer({ text, setText, onSend, onTyping, onHuman, files, setFiles }: Props) {
  const { strings } = useSpeech();
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const isEmpty = text.trim() === "" && files.length === 0;

  // Where the browser does not make it grow by itself.
  useEffect(() => {
    if (!CSS.supports("field-sizing", "content"))
      field.current!.rows = Math.min(5, text.split("\n").length + Math.floor(text.length / 38));
  }, [text]);

  function add(added: readonly File[]): void {
    setFiles([...files, ...added.filter(({ size }) => size <= MAX_BYTES)]);
    setProblem(added.some(({ size }) => size > MAX_BYTES) ? strings.fileTooLarge : null);
    field.current?.focus();
  }

  function send(): void {
    if (isEmpty) return;
    onSend(text.trim(), files);
    setText("");
    setFiles([]);
    setProblem(null);
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
      {problem && (
        <p class="problem" role="alert">
          {problem}
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
                onClick={() => setFiles(files.filter((each) => each !== file))}
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
