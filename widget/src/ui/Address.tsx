/** Who does not want to wait leaves an address, and a human's answer goes there, too. */
import { useState } from "preact/hooks";

import { fill, useSpeech } from "../strings";
import { Icon } from "./Icon";
import { reasonOf } from "./words";

interface Props {
  /** The one that was left. */
  email: string | null;
  onLeave: (email: string | null) => Promise<void>;
}

export function Address({ email, onLeave }: Props) {
  const { strings } = useSpeech();
  const [problem, setProblem] = useState<string | null>(null);

  function leave(address: string | null): void {
    setProblem(null);
    onLeave(address).catch((error: Error & { code?: string }) => {
      setProblem(error.code === "bad_email" ? strings.emailBad : reasonOf(error, strings));
    });
  }

  if (email)
    return (
      <p class="address" role="status">
        <span>{fill(strings.emailLeft, { email })}</span>
        <button
          type="button"
          class="round"
          aria-label={fill(strings.removeFile, { name: email })}
          onClick={() => leave(null)}
        >
          <Icon name="close" size={14} />
        </button>
      </p>
    );
  return (
    <form
      class="address"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        leave(new FormData(event.currentTarget).get("email") as string);
      }}
    >
      <label>
        {strings.emailAsk}
        <input
          name="email"
          type="email"
          autocomplete="email"
          placeholder={strings.email}
          aria-invalid={problem !== null}
        />
      </label>
      <button type="submit" class="round send" aria-label={strings.emailKeep}>
        <Icon name="send" />
      </button>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}
