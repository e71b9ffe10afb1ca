/** Reads which project it is, and puts its inbox on the page. */
import "./styles/tokens.css";
import "./styles/base.css";

import { createClient } from "@supabase/supabase-js";
import { createRoot } from "react-dom/client";
import { Romashka } from "romashka";

import { App } from "./app";
import { type Config, readConfig } from "./config/config";
import { ConfigProblem } from "./scenes/problem/ConfigProblem";
import { Session } from "./session/session";
import { readWays } from "./session/signingIn";
import { readSettings } from "./settings";
import { languageOf, load, Speaking } from "./strings";

const root = createRoot(document.getElementById("root")!);

async function start(): Promise<void> {
  const { language, theme } = readSettings();
  document.documentElement.dataset["theme"] = theme;
  const wanted = language ? [language] : navigator.languages;
  const [spoken, config] = await Promise.all([load(languageOf(wanted)), readConfig()]);
  if (typeof config === "string") {
    root.render(
      <Speaking spoken={spoken}>
        <ConfigProblem problem={config} />
      </Speaking>,
    );
  } else {
    root.render(<App spoken={spoken} {...connect(config)} />);
  }
}

function connect(config: Config) {
  const supabase = createClient(config.url, config.anonKey, {
    // A link and a provider lead back with a code alone: no token is ever in an address.
    auth: { flowType: "pkce" },
  });
  const client = new Romashka(supabase);
  return { client, session: new Session(supabase), ways: readWays(config) };
}

void start();
