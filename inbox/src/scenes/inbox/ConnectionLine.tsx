/** Is what is on the screen up to date? In one line; quiet, while it is. */
import { useConnection } from "romashka/react";
import { useClient } from "romashka/react";
import { useEffect, useRef, useState } from "react";

import { useSpoken } from "../../strings";
import { clock } from "../../time";
import css from "./ConnectionLine.module.css";

/** For so long it is said that all is there again. */
const AGAIN_MS = 3_000;
/** What passes sooner is not worth a word. */
const PATIENCE_MS = 500;

export function ConnectionLine() {
  const { connection } = useClient();
  const { state, since } = useConnection();
  const [shown, setShown] = useState<{ state: typeof state | "again"; since: number }>({
    state: "live",
    since,
  });
  const wasAway = useRef(false);
  useEffect(() => {
    if (state === "live") {
      setShown({ state: wasAway.current ? "again" : "live", since });
      wasAway.current = false;
      const over = setTimeout(() => setShown({ state: "live", since }), AGAIN_MS);
      return () => clearTimeout(over);
    }
    const patience = setTimeout(() => {
      wasAway.current = true;
      setShown({ state, since });
    }, PATIENCE_MS);
    return () => clearTimeout(patience);
  }, [state, since]);
  return <Connected state={shown.state} since={shown.since} onRetry={() => connection.retry()} />;
}

interface Props {
  state: ReturnType<typeof useConnection>["state"] | "again";
  since: number;
  onRetry: () => void;
}

export function Connected({ state, since, onRetry }: Props) {
  const { strings, locale } = useSpoken();
  const words = strings.connection;
  const text =
    state === "again"
      ? words.upToDate
      : state === "offline"
        ? words.offline(clock(since, locale))
        : words[state];
  return (
    <div className={`${css["line"]} ${css[state.replace(" ", "-")]}`} data-state={state}>
      <span className={css["dot"]} aria-hidden="true" />
      <span role="status">{text}</span>
      {(state === "offline" || state === "refused") && (
        <button type="button" onClick={onRetry}>
          {strings.retry}
        </button>
      )}
    </div>
  );
}
