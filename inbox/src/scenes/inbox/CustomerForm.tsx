/** What the team writes down about a customer. */
import { Plus, X } from "lucide-react";
import { type FormEvent, useState } from "react";

import { languageName, offeredWith } from "../../languages";
import { Button } from "../../parts/Button";
import { Field, Ways, Wrong } from "../../parts/Field";
import { useSpoken } from "../../strings";
import css from "./CustomerForm.module.css";
import type { Profile, ProfileChanges } from "./useProfile";

interface Props {
  profile: Profile;
  onSave: (changes: ProfileChanges) => Promise<void>;
  onDone: () => void;
}

const TEXTS = ["name", "email", "phone", "company", "location"] as const;
const KINDS = { name: "text", email: "email", phone: "tel", company: "text", location: "text" };
const MOST = { name: 255, email: 255, phone: 50, company: 255, location: 255 };

export default function CustomerForm({ profile, onSave, onDone }: Props) {
  const { strings, locale } = useSpoken();
  const { customer: words } = strings;
  const [written, setWritten] = useState(profile);
  const [fields, setFields] = useState(() => textsOf(profile));
  const [wrong, setWrong] = useState<string | null>(null);
  const [isSaving, setSaving] = useState(false);
  const put = (changes: Partial<Profile>) => setWritten({ ...written, ...changes });
  const putField = (at: number, changes: Partial<FieldText>) =>
    setFields(fields.map((each, index) => (index === at ? { ...each, ...changes } : each)));

  async function submit(event: FormEvent) {
    event.preventDefault();
    setSaving(true);
    setWrong(null);
    try {
      await onSave(changesOf(profile, written, fields));
      onDone();
    } catch (error) {
      const { name, message } = error as Error;
      setWrong(name === "Taken" ? words.taken : strings.done.failed(message));
      setSaving(false);
    }
  }

  return (
    <form className={css["form"]} onSubmit={(event) => void submit(event)}>
      {TEXTS.map((name, at) => (
        <Field key={name} label={words[name]}>
          {(id) => (
            <input
              id={id}
              type={KINDS[name]}
              autoFocus={at === 0}
              autoComplete="off"
              maxLength={MOST[name]}
              dir="auto"
              value={written[name] ?? ""}
              onChange={(event) => put({ [name]: event.target.value })}
            />
          )}
        </Field>
      ))}
      <Field label={words.language}>
        {(id) => (
          <select
            id={id}
            value={written.language ?? ""}
            onChange={(event) => put({ language: event.target.value || null })}
          >
            <option value="">—</option>
            {offeredWith(written.language).map((code) => (
              <option key={code} value={code}>
                {languageName(code, locale)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <fieldset className={css["fields"]}>
        <legend>{words.fields}</legend>
        {fields.map(({ key, name, value }, at) => (
          <div key={key}>
            <input
              aria-label={words.fieldName}
              placeholder={words.fieldName}
              dir="auto"
              value={name}
              onChange={(event) => putField(at, { name: event.target.value })}
            />
            <input
              aria-label={words.fieldValue(name)}
              placeholder={words.value}
              dir="auto"
              value={value}
              onChange={(event) => putField(at, { value: event.target.value })}
            />
            <button
              type="button"
              aria-label={words.removeField(name)}
              onClick={() => setFields(fields.filter((_, index) => index !== at))}
            >
              <X size={15} />
            </button>
          </div>
        ))}
        <Button
          onClick={() => setFields([...fields, { key: crypto.randomUUID(), name: "", value: "" }])}
        >
          <Plus size={15} aria-hidden="true" />
          {words.addField}
        </Button>
      </fieldset>
      <Field label={words.notes} hint={words.notesHint}>
        {(id) => (
          <textarea
            id={id}
            dir="auto"
            value={written.notes ?? ""}
            onChange={(event) => put({ notes: event.target.value })}
          />
        )}
      </Field>
      <Wrong text={wrong} />
      <Ways>
        <Button look="main" type="submit" disabled={isSaving}>
          {strings.replies.save}
        </Button>
        <Button onClick={onDone}>{strings.cancel}</Button>
      </Ways>
    </form>
  );
}

interface FieldText {
  key: string;
  name: string;
  value: string;
}

function textsOf({ custom_fields }: Profile): FieldText[] {
  return Object.entries(custom_fields).map(([name, value]) => ({
    key: name,
    name,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
}

/** Only what is another than before: what somebody else changes meanwhile stays. */
function changesOf(before: Profile, after: Profile, fields: readonly FieldText[]): ProfileChanges {
  const changes: ProfileChanges = {};
  for (const name of [...TEXTS, "language", "notes"] as const) {
    const text = after[name]?.trim() || null;
    if (text !== (before[name] || null)) changes[name] = text;
  }
  const known = new Map(textsOf(before).map(({ name, value }) => [name, value]));
  const named = fields.filter(({ name }) => name.trim() !== "");
  const names = new Set(named.map(({ name }) => name.trim()));
  const changed: Record<string, string | null> = {};
  for (const name of known.keys()) if (!names.has(name)) changed[name] = null;
  for (const { name, value } of named) {
    if (known.get(name.trim()) !== value) changed[name.trim()] = value;
  }
  return Object.keys(changed).length > 0 ? { ...changes, fields: changed } : changes;
}
