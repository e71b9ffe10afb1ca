/** How it was, asked once, when the conversation is over. */
import { useState } from "preact/hooks";

import { fill, useSpeech } from "../strings";
import { Icon } from "./Icon";

const ALL = [1, 2, 3, 4, 5];

interface Props {
  given: number | null;
  onRate: (rating: number) => Promise<void>;
}

export function Rating({ given, onRate }: Props) {
  const { strings } = useSpeech();
  const [chosen, choose] = useState(0);
  const [isSending, setSending] = useState(false);
  if (given !== null)
    return (
      <div class="rating" role="status">
        {strings.rated}
      </div>
    );
  return (
    <div class="rating" role="group" aria-label={strings.rate}>
      <p aria-hidden="true">{strings.rate}</p>
      <div onPointerLeave={() => choose(0)}>
        {ALL.map((each) => (
          <button
            key={each}
            type="button"
            class={each <= chosen ? "isLit" : ""}
            disabled={isSending}
            aria-label={fill(strings.rateOne, { n: each })}
            onPointerEnter={() => choose(each)}
            onFocus={() => choose(each)}
            onClick={() => {
              setSending(true);
              onRate(each)
                .catch(() => {})
                .finally(() => setSending(false));
            }}
          >
            <Icon name="star" size={26} isFull={each <= chosen} />
          </button>
        ))}
      </div>
    </div>
  );
}
