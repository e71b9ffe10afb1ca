/** What can be done with all rows that are picked. */
import { CircleCheck, X } from "lucide-react";
import { type FormEvent, useState } from "react";

import { Button } from "../../parts/Button";
import type { Team } from "../../people";
import { useStrings } from "../../strings";
import css from "./Bulk.module.css";

interface Props {
  count: number;
  me: string;
  team: Team;
  onAssign: (to: string | null) => void;
  onTag: (tag: string) => void;
  onResolve: () => void;
  onClear: () => void;
}

const ASK = "ask";
const NOBODY = "nobody";

export function Bulk({ count, me, team, onAssign, onTag, onResolve, onClear }: Props) {
  const strings = useStrings();
  const { several, team: words } = strings;
  const [tag, setTag] = useState("");
  const others = [...team.values()].filter(({ id }) => id !== me);

  function add(event: FormEvent) {
    event.preventDefault();
    if (tag.trim()) onTag(tag.trim());
    setTag("");
  }

  return (
    <div className={css["bulk"]} role="toolbar" aria-label={several.label}>
      <p role="status">{several.count(count)}</p>
      <Button look="icon" aria-label={several.clear} title={several.clear} onClick={onClear}>
        <X size={17} />
      </Button>
      <select
        id="assign-all"
        aria-label={words.assign}
        value={ASK}
        onChange={({ target }) => onAssign(target.value === NOBODY ? null : target.value)}
      >
        <option value={ASK} disabled>
          {words.assign}
        </option>
        <option value={me}>{`${team.get(me)?.name ?? ""} (${strings.you})`}</option>
        {others.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
        <option value={NOBODY}>{strings.who.nobody}</option>
      </select>
      <form onSubmit={add}>
        <input
          id="tag-all"
          aria-label={words.addTag}
          placeholder={words.addTag}
          dir="auto"
          maxLength={100}
          value={tag}
          onChange={(event) => setTag(event.target.value)}
        />
      </form>
      <Button onClick={onResolve}>
        <CircleCheck size={16} aria-hidden="true" />
        {strings.actions.resolveShort}
      </Button>
    </div>
  );
}

/** Beside a row: is it picked? Space does the same where the row has the focus. */
export function Pick(props: {
  name: string;
  isPicked: boolean;
  onPick: (isRange: boolean) => void;
}) {
  const { several } = useStrings();
  return (
    <label className={css["pick"]}>
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={several.pick(props.name)}
        checked={props.isPicked}
        onChange={() => {}}
        onClick={({ shiftKey }) => props.onPick(shiftKey)}
      />
    </label>
  );
}
