/** `?`: all keys, and the switch for those without Mod. */
import { X } from "lucide-react";
import { useEffect, useRef } from "react";

import { Button } from "../parts/Button";
import { change, useSettings } from "../settings";
import { useStrings } from "../strings";
import type { Action } from "./action";
import { Key } from "./Key";
import css from "./Sheet.module.css";

export function Sheet({ actions, onClose }: { actions: readonly Action[]; onClose: () => void }) {
  const strings = useStrings();
  const { hasSingleKeys } = useSettings();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className={css["sheet"]}
      aria-label={strings.keys.title}
      onClose={onClose}
      onClick={({ target, currentTarget }) => target === currentTarget && currentTarget.close()}
    >
      <header>
        <h2>{strings.keys.title}</h2>
        <Button look="icon" aria-label={strings.close} onClick={() => dialog.current?.close()}>
          <X size={18} />
        </Button>
      </header>
      <label className={css["switch"]}>
        <input
          type="checkbox"
          role="switch"
          checked={hasSingleKeys}
          onChange={(event) => change({ hasSingleKeys: event.target.checked })}
        />
        <span>
          <b>{strings.keys.single}</b>
          <small>{strings.keys.singleHint}</small>
        </span>
      </label>
      <dl>
        {actions
          .filter(({ key }) => key)
          .map(({ id, key, label }) => (
            <div
              key={id}
              className={!hasSingleKeys && !key!.includes("+") ? css["off"] : undefined}
            >
              <dt>{label(strings)}</dt>
              <dd>
                <Key name={key!} />
              </dd>
            </div>
          ))}
      </dl>
    </dialog>
  );
}
