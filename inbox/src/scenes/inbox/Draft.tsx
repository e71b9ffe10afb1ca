/** The AI's reply while it is written, and what becomes of it when somebody stops it. */
import { Hand } from "lucide-react";
import type { Draft as Written } from "romashka";

import { Button } from "../../parts/Button";
import { useStrings } from "../../strings";
import css from "./Draft.module.css";
import { Bubble } from "./Message";
import messages from "./Message.module.css";
import type { Stop } from "./stopping";

export function Draft({ draft, onStop }: { draft: Written; onStop: () => void }) {
  const { ai, message } = useStrings();
  return (
    <Bubble by="ai" author={message.ai} isFirst>
      <p className={messages["text"]} dir="auto">
        {draft.text}
        <span className={css["caret"]} aria-hidden="true" />
      </p>
      <div className={css["foot"]}>
        <span className={css["writing"]}>
          <Dots />
          {ai.writing}
        </span>
        <Button look="alert" onClick={onStop} aria-keyshortcuts="t">
          <Hand size={15} aria-hidden="true" />
          {ai.stop}
          <kbd>t</kbd>
        </Button>
      </div>
    </Bubble>
  );
}

export function Stopped({ stop, onUse }: { stop: Stop; onUse: (text: string) => void }) {
  const { ai, message } = useStrings();
  const isDecided = stop.phase === "won";
  return (
    <Bubble by="ai" author={message.ai} isFirst isVoid={isDecided}>
      <p className={messages["text"]} dir="auto">
        {stop.text}
      </p>
      <div className={css["foot"]} role="status">
        <span className={css["writing"]}>{isDecided ? ai.stopped : ai.stopping}</span>
        {isDecided && stop.text.trim() && (
          <Button onClick={() => onUse(stop.text)} title={ai.stoppedHint}>
            {ai.use}
          </Button>
        )}
      </div>
    </Bubble>
  );
}

function Dots() {
  return (
    <span className={css["dots"]} aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}
