/** What a team sets up for itself: who is on it, when it is there, and how its widget looks. Admins change it. */
import { type KeyboardEvent, useId, useState } from "react";

import { Dialog } from "../../parts/Dialog";
import type { Me } from "../../session/session";
import { useStrings } from "../../strings";
import { HoursForm } from "./HoursForm";
import css from "./Settings.module.css";
import { TeamForm } from "./TeamForm";
import { WidgetForm } from "./WidgetForm";

const PARTS = { team: TeamForm, hours: HoursForm, widget: WidgetForm };
type Part = keyof typeof PARTS;
const NAMES = Object.keys(PARTS) as Part[];

export default function Settings({ me, onClose }: { me: Me; onClose: () => void }) {
  const { setup } = useStrings();
  const [part, setPart] = useState<Part>("team");
  const id = useId();
  const Shown = PARTS[part];

  function onKeyDown(event: KeyboardEvent) {
    const isBack = document.documentElement.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
    const isOn = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const step = { [isBack]: -1, [isOn]: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = NAMES[(NAMES.indexOf(part) + step + NAMES.length) % NAMES.length]!;
    setPart(next);
    document.getElementById(`${id}-${next}`)?.focus();
  }

  return (
    <Dialog title={setup.title} onClose={onClose}>
      <div className={css["tabs"]} role="tablist" aria-label={setup.title} onKeyDown={onKeyDown}>
        {NAMES.map((name) => (
          <button
            key={name}
            id={`${id}-${name}`}
            type="button"
            role="tab"
            aria-selected={name === part}
            aria-controls={`${id}-panel`}
            tabIndex={name === part ? 0 : -1}
            onClick={() => setPart(name)}
          >
            {setup.parts[name]}
          </button>
        ))}
      </div>
      <div
        id={`${id}-panel`}
        className={css["panel"]}
        role="tabpanel"
        aria-labelledby={`${id}-${part}`}
      >
        {me.role !== "admin" && <p className={css["hint"]}>{setup.adminsOnly}</p>}
        <Shown me={me} mayChange={me.role === "admin"} />
      </div>
    </Dialog>
  );
}
