/** Mod+K: every action by its name. */
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";

import { plain } from "../plain";
import { useStrings } from "../strings";
import type { Action } from "./action";
import { Key } from "./Key";
import css from "./Palette.module.css";

interface Props {
  actions: readonly Action[];
  run: (action: Action) => void;
  onClose: () => void;
}

export function Palette({ actions, run, onClose }: Props) {
  const strings = useStrings();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useId();
  const found = actions.filter((action) => isLike(action.label(strings), text));
  const chosen = Math.min(at, found.length - 1);

  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    document.getElementById(`${list}-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }, [list, chosen]);

  function choose(action: Action | undefined) {
    if (!action) return;
    dialog.current?.close();
    run(action);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step) setAt((chosen + step + found.length) % found.length);
    else if (event.key === "Enter") choose(found[chosen]);
    else return;
    event.preventDefault();
  }

  return (
    <dialog
      ref={dialog}
      className={css["palette"]}
      aria-label={strings.actions.palette}
      onClose={onClose}
      onClick={({ target, currentTarget }) => target === currentTarget && currentTarget.close()}
    >
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found.length ? `${list}-${chosen}` : undefined}
        aria-label={strings.palette.placeholder}
        placeholder={strings.palette.placeholder}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id={list} role="listbox" aria-label={strings.actions.palette}>
        {found.map((action, index) => (
          <li
            key={action.id}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onPointerMove={() => setAt(index)}
            onClick={() => choose(action)}
          >
            <action.icon size={16} aria-hidden="true" />
            <span>{action.label(strings)}</span>
            {action.key && <Key name={action.key} />}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p role="status">{strings.palette.none}</p>}
    </dialog>
  );
}

/** Does each word begin one of the label's? */
function isLike(label: string, text: string): boolean {
  const words = plain(label).split(/\s+/);
  return plain(text)
    .split(/\s+/)
    .every(
      (part) =>
        words.some((word) => word.replace(/^\W+/u, "").startsWith(part)) ||
        plain(label).includes(part),
    );
}
