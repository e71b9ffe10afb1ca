/** What was done a moment ago, with a way back. */
import { Undo2 } from "lucide-react";

import { useStrings } from "../strings";
import { undoLast, useToast } from "../toasts";
import css from "./Toast.module.css";

export function Toast() {
  const { undo } = useStrings();
  const toast = useToast();
  return (
    <div role="status" className={css["place"]}>
      {toast && (
        <p className={`${css["toast"]} ${toast.isAlert ? css["isAlert"] : ""}`}>
          {toast.text}
          {toast.undo && (
            <button type="button" onClick={undoLast}>
              <Undo2 size={15} aria-hidden="true" />
              {undo}
            </button>
          )}
        </p>
      )}
    </div>
  );
}
