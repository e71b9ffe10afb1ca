/** A window over the page: a title, a way out, and what it is for. */
import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";

import { useStrings } from "../strings";
import { Button } from "./Button";
import css from "./Dialog.module.css";

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, onClose, children }: Props) {
  const { close } = useStrings();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (!dialog.current!.open) dialog.current!.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={css["dialog"]}
      aria-label={title}
      onClose={onClose}
      onClick={({ target, currentTarget }) => target === currentTarget && currentTarget.close()}
    >
      <header>
        <h2>{title}</h2>
        <Button look="icon" aria-label={close} onClick={() => dialog.current?.close()}>
          <X size={18} />
        </Button>
      </header>
      {children}
    </dialog>
  );
}
