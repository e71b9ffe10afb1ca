/** How the customer's window looks, and what it says. */
import type { WidgetChanges, WidgetTexts } from "romashka";
import { useRomashka } from "romashka/react";
import { type FormEvent, useCallback, useState } from "react";

import { languageName } from "../../languages";
import { Button } from "../../parts/Button";
import { Field, Ways, Wrong } from "../../parts/Field";
import { Notice } from "../../parts/Notice";
import { Skeleton } from "../../parts/Skeleton";
import { useSpoken, useStrings } from "../../strings";
import { showToast } from "../../toasts";
import { Languages } from "./HoursForm";
import css from "./Settings.module.css";
import { Snippet } from "./Snippet";
import type { FormProps } from "./TeamForm";
import { useLoaded } from "./useLoaded";

const COLUMNS = "texts,color,text_color,logo_url,languages,shows_team" as const;
/** Those of its texts that a team has its own words for. */
const TEXTS = ["title", "greeting", "away"] as const;

type Looks = Required<WidgetChanges>;

export function WidgetForm({ mayChange }: FormProps) {
  const { setup, retry } = useStrings();
  const { supabase } = useRomashka();
  const read = useCallback(async (): Promise<Looks> => {
    const { data, error } = await supabase.from("widget_settings").select(COLUMNS).single();
    if (error) throw new Error(error.message);
    return { ...data, texts: (data.texts ?? {}) as WidgetTexts };
  }, [supabase]);
  const { value, error, reload } = useLoaded(read);
  if (error) {
    return (
      <Notice title={setup.failed} isAlert>
        <Button onClick={() => void reload()}>{retry}</Button>
      </Notice>
    );
  }
  if (!value) return <Skeleton kind="rows" />;
  return (
    <>
      <Editor known={value} mayChange={mayChange} />
      <Snippet />
    </>
  );
}

export function Editor({ known, mayChange }: { known: Looks; mayChange: boolean }) {
  const { strings, locale } = useSpoken();
  const { setup, done } = strings;
  const { widget } = useRomashka();
  const [looks, setLooks] = useState(known);
  const [wrong, setWrong] = useState<string | null>(null);
  const put = (changes: Partial<Looks>) => setLooks({ ...looks, ...changes });
  const { texts, color, text_color, logo_url, shows_team } = looks;

  async function save(event: FormEvent) {
    event.preventDefault();
    setWrong(null);
    try {
      await widget.update({ ...looks, texts: withoutEmpty(texts) });
      showToast({ text: strings.customer.saved });
    } catch (error) {
      setWrong(done.failed((error as Error).message));
    }
  }

  return (
    <form onSubmit={(event) => void save(event)}>
      <fieldset disabled={!mayChange} className={css["form"]}>
        <Preview looks={looks} />
        <div className={css["row"]}>
          <Field label={setup.color}>
            {(id) => (
              <input
                id={id}
                type="color"
                value={color}
                onChange={({ target }) => put({ color: target.value })}
              />
            )}
          </Field>
          <Field label={setup.textColor}>
            {(id) => (
              <input
                id={id}
                type="color"
                value={text_color}
                onChange={({ target }) => put({ text_color: target.value })}
              />
            )}
          </Field>
        </div>
        <Field label={setup.logo} hint={setup.logoHint}>
          {(id) => (
            <input
              id={id}
              type="url"
              dir="ltr"
              placeholder="https://"
              value={logo_url ?? ""}
              onChange={({ target }) => put({ logo_url: target.value.trim() || null })}
            />
          )}
        </Field>
        <label className={css["check"]}>
          <input
            type="checkbox"
            checked={shows_team}
            onChange={({ target }) => put({ shows_team: target.checked })}
          />
          {setup.showsTeam}
        </label>
        {Object.entries(texts).map(([language, said]) => (
          <section key={language}>
            <h3>{languageName(language, locale)}</h3>
            {TEXTS.map((name) => (
              <Field key={name} label={setup.texts[name]}>
                {(id) => (
                  <input
                    id={id}
                    lang={language}
                    dir="auto"
                    value={said[name] ?? ""}
                    onChange={({ target }) =>
                      put({
                        texts: { ...texts, [language]: { ...said, [name]: target.value } },
                      })
                    }
                  />
                )}
              </Field>
            ))}
          </section>
        ))}
        <Languages
          label={setup.addTexts}
          without={Object.keys(texts)}
          onAdd={(language) => put({ texts: { ...texts, [language]: {} } })}
        />
        <Wrong text={wrong} />
        {mayChange && (
          <Ways>
            <Button look="main" type="submit">
              {strings.replies.save}
            </Button>
          </Ways>
        )}
      </fieldset>
    </form>
  );
}

/** Its head, in the colours that are chosen. */
function Preview({ looks }: { looks: Looks }) {
  const { setup } = useStrings();
  const { color, text_color, texts } = looks;
  const said = Object.values(texts)[0] ?? {};
  return (
    <div
      className={css["preview"]}
      style={{ backgroundColor: color, color: text_color }}
      aria-hidden="true"
    >
      <b dir="auto">{said["title"] || setup.sample.title}</b>
      <span dir="auto">{said["greeting"] || setup.sample.greeting}</span>
    </div>
  );
}

/** What has no words of the team's own is said in the widget's. */
function withoutEmpty(texts: WidgetTexts): WidgetTexts {
  const kept = Object.entries(texts).map(([language, said]) => [
    language,
    Object.fromEntries(Object.entries(said).filter(([, text]) => text.trim() !== "")),
  ]);
  return Object.fromEntries(
    kept.filter(([, said]) => Object.keys(said!).length > 0),
  ) as WidgetTexts;
}
