/** The door: e-mail and password, a link, or a provider of the project. */
import type { AuthError, SupabaseClient } from "@supabase/supabase-js";
import { Eye, EyeOff } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";

import { Button } from "../../parts/Button";
import { Mark } from "../../parts/Mark";
import {
  byLink,
  byPassword,
  byProvider,
  explain,
  nameOf,
  type Ways,
} from "../../session/signingIn";
import { useStrings } from "../../strings";
import css from "./SignIn.module.css";

interface Props {
  supabase: SupabaseClient;
  ways: Ways;
  /** Somebody was in, and their session ended. */
  isAgain?: boolean;
  /** Whose session it was. */
  email?: string;
}

export function SignIn({ supabase, ways, isAgain = false, email: known = "" }: Props) {
  const strings = useStrings();
  const { signIn } = strings;
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState("");
  const [isShown, setShown] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [said, setSaid] = useState<{ text: string; isAlert: boolean } | null>(null);
  const emailField = useRef<HTMLInputElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);

  useEffect(() => {
    (known ? passwordField : emailField).current?.focus();
  }, [known]);

  async function attempt(way: () => Promise<AuthError | null>, success?: string) {
    setBusy(true);
    setSaid(null);
    const error = await way().catch((failure: unknown) => failure as AuthError);
    setBusy(false);
    if (error) setSaid({ text: explain(error, strings), isAlert: true });
    else if (success) setSaid({ text: success, isAlert: false });
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void attempt(() => byPassword(supabase, email.trim(), password));
  }

  function sendLink() {
    if (!emailField.current!.reportValidity()) return;
    void attempt(() => byLink(supabase, email.trim()), signIn.linkSent(email.trim()));
  }

  return (
    <div className={css["door"]}>
      <Mark size={40} />
      <h1>{isAgain ? signIn.again : signIn.title}</h1>
      {isAgain && <p className={css["hint"]}>{signIn.againHint}</p>}
      {ways.hasEmail && (
        <form onSubmit={submit}>
          <label htmlFor="email">{signIn.email}</label>
          <input
            ref={emailField}
            id="email"
            name="email"
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
          <label htmlFor="password">{signIn.password}</label>
          <div className={css["password"]}>
            <input
              ref={passwordField}
              id="password"
              name="password"
              type={isShown ? "text" : "password"}
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
            <Button
              look="icon"
              aria-label={isShown ? signIn.hide : signIn.show}
              onClick={() => setShown(!isShown)}
            >
              {isShown ? <EyeOff size={16} /> : <Eye size={16} />}
            </Button>
          </div>
          <Button look="main" type="submit" disabled={isBusy}>
            {signIn.submit}
          </Button>
          <Button disabled={isBusy} onClick={sendLink}>
            {signIn.link}
          </Button>
        </form>
      )}
      <p
        role={said?.isAlert ? "alert" : "status"}
        className={said?.isAlert ? css["alert"] : css["said"]}
      >
        {said?.text}
      </p>
      {ways.providers.length > 0 && (
        <div className={css["providers"]}>
          {ways.hasEmail && <p className={css["or"]}>{signIn.or}</p>}
          {ways.providers.map((provider) => (
            <Button
              key={provider}
              disabled={isBusy}
              onClick={() => void attempt(() => byProvider(supabase, provider))}
            >
              {signIn.with(nameOf(provider))}
            </Button>
          ))}
        </div>
      )}
    </div>
  );
}
