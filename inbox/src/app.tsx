/** Who is in front of the screen decides what is on it. */
import type { Romashka } from "romashka";
import { RomashkaProvider, useStore } from "romashka/react";
import { ShieldX, WifiOff } from "lucide-react";
import { useEffect, useState } from "react";

import css from "./app.module.css";
import { Button } from "./parts/Button";
import { Mark } from "./parts/Mark";
import { Notice } from "./parts/Notice";
import { Inbox } from "./scenes/inbox/Inbox";
import { SignIn } from "./scenes/signIn/SignIn";
import type { Me, Session } from "./session/session";
import type { Ways } from "./session/signingIn";
import { useSettings } from "./settings";
import { load, type Language, Speaking, type Spoken, useStrings } from "./strings";

interface Props {
  spoken: Spoken;
  client: Romashka;
  session: Session;
  ways: Promise<Ways>;
}

export function App({ spoken: first, client, session, ways }: Props) {
  const [spoken, setSpoken] = useState(first);
  const { theme, language } = useSettings();
  useEffect(() => void (document.documentElement.dataset["theme"] = theme), [theme]);
  useEffect(() => {
    if (language && language !== spoken.language) void load(language as Language).then(setSpoken);
  }, [language, spoken.language]);
  return (
    <Speaking spoken={spoken}>
      <RomashkaProvider client={client}>
        <Scene client={client} session={session} ways={ways} />
      </RomashkaProvider>
    </Speaking>
  );
}

function Scene({ client, session, ways }: Omit<Props, "spoken">) {
  const strings = useStrings();
  const who = useStore(session);
  const { supabase } = client;
  const offered = useOffered(ways);
  const leave = () => void session.signOut();

  if (who.phase === "starting" || !offered) return <Starting />;
  if (who.phase === "failed") {
    return (
      <main className={css["page"]}>
        <Notice title={strings.signIn.unreachable} icon={<WifiOff size={40} />} isAlert>
          <Button onClick={session.retry}>{strings.retry}</Button>
        </Notice>
      </main>
    );
  }
  if (who.phase === "refused") {
    const account = who.account ?? strings.refused.guest;
    return (
      <main className={css["page"]}>
        <Notice
          title={strings.refused.title}
          text={strings.refused.text(account)}
          icon={<ShieldX size={40} />}
          isAlert
        >
          <Button onClick={leave}>{strings.refused.other}</Button>
        </Notice>
      </main>
    );
  }
  if (who.phase === "signedOut") {
    return (
      <main className={css["page"]}>
        <SignIn supabase={supabase} ways={offered} />
      </main>
    );
  }
  return (
    <>
      <Inbox key={who.me.id} client={client} me={who.me} onLeave={leave} />
      {who.isOver && <Again client={client} ways={offered} me={who.me} />}
    </>
  );
}

/** What was written stays behind it. */
function Again({ client, ways, me }: { client: Romashka; ways: Ways; me: Me }) {
  return (
    <dialog
      ref={(dialog) => void (dialog && !dialog.open && dialog.showModal())}
      className={css["again"]}
      onCancel={(event) => event.preventDefault()}
    >
      <SignIn supabase={client.supabase} ways={ways} isAgain email={me.email} />
    </dialog>
  );
}

/** Shown after a moment: most often there is nothing to wait for. */
function Starting() {
  const { loading } = useStrings();
  return (
    <main className={css["starting"]} role="status" aria-label={loading}>
      <Mark size={48} />
    </main>
  );
}

function useOffered(ways: Promise<Ways>): Ways | null {
  const [offered, setOffered] = useState<Ways | null>(null);
  useEffect(() => void ways.then(setOffered), [ways]);
  return offered;
}
