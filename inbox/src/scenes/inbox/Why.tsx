/** Why the AI wrote what it wrote: what it found, how sure it was, what was tried, and where the time went. */
import { X } from "lucide-react";
import type { Attempt, Explanation, Source } from "romashka";
import { useClient } from "romashka/react";
import { useEffect, useRef, useState } from "react";

import { Button } from "../../parts/Button";
import { Notice } from "../../parts/Notice";
import { Skeleton } from "../../parts/Skeleton";
import { useSpoken, useStrings } from "../../strings";
import css from "./Why.module.css";

interface Props {
  conversationId: string;
  messageId: string;
  onClose: () => void;
}

export function Why({ conversationId, messageId, onClose }: Props) {
  const { why, close } = useStrings();
  const client = useClient();
  const dialog = useRef<HTMLDialogElement>(null);
  const [found, setFound] = useState<Explanation | Error | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    client.conversations.open(conversationId).explain(messageId).then(setFound, setFound);
  }, [client, conversationId, messageId]);
  return (
    <dialog
      ref={dialog}
      className={css["why"]}
      aria-label={why.title}
      onClose={onClose}
      onClick={({ target, currentTarget }) => target === currentTarget && currentTarget.close()}
    >
      <header>
        <h2>{why.title}</h2>
        <Button look="icon" aria-label={close} onClick={() => dialog.current?.close()}>
          <X size={18} />
        </Button>
      </header>
      {found === null && <Skeleton kind="rows" />}
      {found instanceof Error && <Notice title={why.failed} isAlert />}
      {found !== null && !(found instanceof Error) && <Explained explanation={found} />}
    </dialog>
  );
}

export function Explained({ explanation }: { explanation: Explanation }) {
  const { strings, locale } = useSpoken();
  const { why, reasons } = strings;
  const { confidence, reason, intent, answer_ms: took, model, sources, attempts } = explanation;
  const percent = new Intl.NumberFormat(locale, { style: "percent" });
  const responder = attempts.at(-1)?.responder;
  const facts: [string, string | null | undefined][] = [
    [why.reason, reason && (reasons[reason] ?? reason)],
    [why.confidence, confidence === null ? null : percent.format(confidence)],
    [why.intent, intent],
    [why.model, model ?? responder],
    [why.time, took === null ? null : seconds(took, locale)],
  ];
  return (
    <>
      <dl className={css["facts"]}>
        {facts.map(
          ([term, value]) =>
            value && (
              <div key={term}>
                <dt>{term}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
      <Sources sources={sources} />
      {attempts.map((attempt, at) => (
        <Tried key={at} attempt={attempt} isOnly={attempts.length === 1} />
      ))}
    </>
  );
}

function Sources({ sources }: { sources: readonly Source[] }) {
  const { why } = useStrings();
  return (
    <section>
      <h3>{why.sources}</h3>
      {sources.length === 0 && <p className={css["quiet"]}>{why.noSources}</p>}
      <ul>
        {sources.map(({ id, title, score, is_cited }) => (
          <li key={id} className={is_cited ? css["isCited"] : undefined}>
            <bdi>{title ?? why.gone}</bdi>
            {is_cited && <b>{why.cited}</b>}
            <Bar share={score ?? 0} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** One attempt: what the message was taken for, and where its time went. */
function Tried({ attempt, isOnly }: { attempt: Attempt; isOnly: boolean }) {
  const { strings, locale } = useSpoken();
  const { why, reasons } = strings;
  const shares = Object.entries(attempt.probabilities ?? {}).filter(
    ([, share]) => typeof share === "number",
  );
  const stages = Object.entries(attempt.milliseconds ?? {});
  const longest = Math.max(1, ...stages.map(([, took]) => took));
  const outcome = [attempt.action, attempt.reason && (reasons[attempt.reason] ?? attempt.reason)];
  return (
    <>
      {!isOnly && (
        <h3>
          {why.attempt(attempt.attempt)} <bdi>{outcome.filter(Boolean).join(": ")}</bdi>
        </h3>
      )}
      {shares.length > 0 && (
        <section>
          <h3>{why.probabilities}</h3>
          <ul>
            {shares.map(([name, share]) => (
              <li key={name}>
                <bdi>{name}</bdi>
                <Bar share={Number(share)} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {stages.length > 0 && (
        <section>
          <h3>{why.stages}</h3>
          <ul>
            {stages.map(([name, took]) => (
              <li key={name}>
                <bdi>{name}</bdi>
                <Bar share={took / longest} text={seconds(took, locale)} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

/** A share, as a bar and as a number. */
function Bar({ share, text }: { share: number; text?: string }) {
  const { locale } = useSpoken();
  const within = Math.max(0, Math.min(1, share));
  const said = text ?? new Intl.NumberFormat(locale, { style: "percent" }).format(share);
  return (
    <span className={css["bar"]}>
      <span className={css["line"]} aria-hidden="true">
        <i style={{ inlineSize: `${within * 100}%` }} />
      </span>
      <span>{said}</span>
    </span>
  );
}

function seconds(milliseconds: number, locale: string): string {
  const style = {
    style: "unit",
    unit: "second",
    unitDisplay: "short",
    maximumFractionDigits: 2,
  } as const;
  return new Intl.NumberFormat(locale, style).format(milliseconds / 1_000);
}
