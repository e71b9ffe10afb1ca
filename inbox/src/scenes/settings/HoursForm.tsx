/** When the team is there, and what customers are told when it is not: for all channels, or for one of them. */
import { Plus, X } from "lucide-react";
import type { BusinessHours, ChannelType, Span } from "romashka";
import { useRomashka } from "romashka/react";
import { type FormEvent, useCallback, useState } from "react";

import { CHANNELS } from "../../address/address";
import { languageName, OFFERED } from "../../languages";
import { Button } from "../../parts/Button";
import { Field, Ways, Wrong } from "../../parts/Field";
import { Notice } from "../../parts/Notice";
import { Skeleton } from "../../parts/Skeleton";
import { useSpoken, useStrings } from "../../strings";
import { showToast } from "../../toasts";
import css from "./Settings.module.css";
import type { FormProps } from "./TeamForm";
import { useLoaded } from "./useLoaded";

const WEEK = [1, 2, 3, 4, 5, 6, 7];
const WORKDAYS: Span = { days: [1, 2, 3, 4, 5], from: "09:00", to: "18:00" };
/** A Monday. */
const MONDAY = Date.UTC(2024, 0, 1);

export function HoursForm({ mayChange }: FormProps) {
  const { setup, channels, retry } = useStrings();
  const { businessHours } = useRomashka();
  const [channel, setChannel] = useState<ChannelType | null>(null);
  const read = useCallback(() => businessHours.list(), [businessHours]);
  const { value, error, reload } = useLoaded(read);
  if (error) {
    return (
      <Notice title={setup.failed} isAlert>
        <Button onClick={() => void reload()}>{retry}</Button>
      </Notice>
    );
  }
  if (!value) return <Skeleton kind="rows" />;
  const known = value.find(
    ({ channel_type, channel_id }) => channel_type === channel && channel_id === null,
  );
  return (
    <>
      <Field label={setup.hoursOf} hint={setup.hoursHint}>
        {(id) => (
          <select
            id={id}
            value={channel ?? ""}
            onChange={({ target }) => setChannel((target.value || null) as ChannelType | null)}
          >
            <option value="">{setup.allChannels}</option>
            {CHANNELS.map((each) => (
              <option key={each} value={each}>
                {channels[each]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Editor
        key={`${channel} ${known?.updated_at}`}
        known={known ?? null}
        channel={channel}
        mayChange={mayChange}
        onDone={reload}
      />
    </>
  );
}

export function Editor(props: {
  known: BusinessHours | null;
  channel: ChannelType | null;
  mayChange: boolean;
  onDone: () => Promise<void>;
}) {
  const { strings, locale } = useSpoken();
  const { setup, done } = strings;
  const { businessHours } = useRomashka();
  const { known, channel, mayChange, onDone } = props;
  const [spans, setSpans] = useState(() => (known ? spansOf(known) : []));
  const [timezone, setTimezone] = useState(known?.hours.timezone ?? ownTimezone());
  const [closed, setClosed] = useState((known?.hours.closed ?? []).join(", "));
  const [texts, setTexts] = useState(() => Object.entries(known?.away_texts ?? {}));
  const [wrong, setWrong] = useState<string | null>(null);
  const put = (at: number, changes: Partial<Span>) =>
    setSpans(spans.map((span, index) => (index === at ? { ...span, ...changes } : span)));

  async function save(event: FormEvent) {
    event.preventDefault();
    setWrong(null);
    try {
      if (spans.length > 0) await businessHours.set(written(), options());
      else if (known) await businessHours.remove(known.id);
      await onDone();
      showToast({ text: strings.customer.saved });
    } catch (error) {
      setWrong(done.failed((error as Error).message));
    }
  }

  const written = () => ({
    timezone: timezone.trim(),
    spans,
    closed: closed.split(/[\s,;]+/).filter(Boolean),
  });
  const options = () => ({
    ...(channel && { channelType: channel }),
    awayTexts: Object.fromEntries(texts.filter(([, text]) => text.trim() !== "")),
  });

  return (
    <form onSubmit={(event) => void save(event)}>
      <fieldset disabled={!mayChange} className={css["form"]}>
        {spans.length === 0 && <p className={css["hint"]}>{setup.always}</p>}
        {spans.map((span, at) => (
          <SpanRow
            key={at}
            span={span}
            onChange={(changes) => put(at, changes)}
            onRemove={() => setSpans(spans.filter((_, index) => index !== at))}
          />
        ))}
        <Button onClick={() => setSpans([...spans, WORKDAYS])}>
          <Plus size={15} aria-hidden="true" />
          {setup.addSpan}
        </Button>
        {spans.length > 0 && (
          <>
            <div className={css["row"]}>
              <Field label={setup.timezone}>
                {(id) => (
                  <input
                    id={id}
                    required
                    dir="ltr"
                    value={timezone}
                    onChange={({ target }) => setTimezone(target.value)}
                  />
                )}
              </Field>
              <Field label={setup.closed} hint={setup.closedHint}>
                {(id) => (
                  <input
                    id={id}
                    dir="ltr"
                    placeholder="2026-12-25"
                    value={closed}
                    onChange={({ target }) => setClosed(target.value)}
                  />
                )}
              </Field>
            </div>
            {texts.map(([language, text]) => (
              <Field key={language} label={setup.awayIn(languageName(language, locale))}>
                {(id) => (
                  <textarea
                    id={id}
                    lang={language}
                    dir="auto"
                    value={text}
                    onChange={({ target }) =>
                      setTexts(
                        texts.map((each) =>
                          each[0] === language ? [language, target.value] : each,
                        ),
                      )
                    }
                  />
                )}
              </Field>
            ))}
            <Languages
              label={setup.addAway}
              without={texts.map(([language]) => language)}
              onAdd={(language) => setTexts([...texts, [language, ""]])}
            />
          </>
        )}
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

function SpanRow(props: {
  span: Span;
  onChange: (changes: Partial<Span>) => void;
  onRemove: () => void;
}) {
  const { strings, locale } = useSpoken();
  const { setup } = strings;
  const { days, from, to } = props.span;
  const short = new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" });
  const long = new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: "UTC" });
  const toggle = (day: number) =>
    days.includes(day) ? days.filter((each) => each !== day) : [...days, day].sort();
  return (
    <div className={css["span"]}>
      <div className={css["days"]}>
        {WEEK.map((day) => {
          const at = new Date(MONDAY + (day - 1) * 86_400_000);
          return (
            <label key={day}>
              <input
                type="checkbox"
                aria-label={long.format(at)}
                checked={days.includes(day)}
                onChange={() => props.onChange({ days: toggle(day) })}
              />
              <span aria-hidden="true">{short.format(at)}</span>
            </label>
          );
        })}
      </div>
      <input
        type="time"
        required
        aria-label={setup.from}
        value={from}
        onChange={({ target }) => props.onChange({ from: target.value })}
      />
      <span aria-hidden="true">–</span>
      <input
        type="time"
        required
        aria-label={setup.to}
        value={to}
        onChange={({ target }) => props.onChange({ to: target.value })}
      />
      <Button look="icon" aria-label={setup.removeSpan} onClick={props.onRemove}>
        <X size={16} />
      </Button>
    </div>
  );
}

/** One more language, of those that are not there yet. */
export function Languages(props: {
  label: string;
  without: readonly string[];
  onAdd: (language: string) => void;
}) {
  const { locale } = useSpoken();
  const { label, without, onAdd } = props;
  return (
    <select
      className={css["add"]}
      aria-label={label}
      value=""
      onChange={({ target }) => onAdd(target.value)}
    >
      <option value="">{label}</option>
      {OFFERED.filter((each) => !without.includes(each)).map((each) => (
        <option key={each} value={each}>
          {languageName(each, locale)}
        </option>
      ))}
    </select>
  );
}

function spansOf({ hours }: BusinessHours): Span[] {
  if ("spans" in hours) return hours.spans;
  const { days, from, to } = hours;
  return [{ days, from, to }];
}

function ownTimezone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
