/** A turn's time, as it runs out: a ring that empties from its beginning to its deadline. */
import { useClient } from "romashka/react";
import { useEffect, useRef } from "react";

import css from "./Ring.module.css";

const AROUND = 2 * Math.PI * 5;

export function Ring({ startedAt, deadline }: { startedAt: string; deadline: string }) {
  const client = useClient();
  const circle = useRef<SVGCircleElement>(null);
  useEffect(() => {
    const [from, to] = [Date.parse(startedAt), Date.parse(deadline)];
    // The browser empties it by itself: no frame of ours is needed for it.
    const running = circle.current!.animate(
      [{ strokeDashoffset: 0 }, { strokeDashoffset: AROUND }],
      { duration: Math.max(1, to - from), fill: "forwards" },
    );
    running.currentTime = Math.max(0, client.now() - from);
    return () => running.cancel();
  }, [client, startedAt, deadline]);
  return (
    <svg className={css["ring"]} width="13" height="13" viewBox="0 0 13 13" aria-hidden="true">
      <circle cx="6.5" cy="6.5" r="5" />
      <circle ref={circle} cx="6.5" cy="6.5" r="5" strokeDasharray={AROUND} />
    </svg>
  );
}
