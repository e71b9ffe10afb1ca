/** Each component in each of its states: `stories.html?language=ar&theme=dark&story=rows`; all, without a name. */
import "../src/styles/tokens.css";
import "../src/styles/base.css";

import { createClient } from "@supabase/supabase-js";
import { createRoot } from "react-dom/client";
import { Romashka } from "romashka";
import { RomashkaProvider } from "romashka/react";

import { languageOf, load, Speaking } from "../src/strings";
import { CONVERSATION } from "./conversation";
import { LIST } from "./list";
import { PAGES } from "./pages";
import css from "./stories.module.css";

const STORIES = [...LIST, ...CONVERSATION, ...PAGES];
const asked = new URLSearchParams(location.search);
const name = asked.get("story");
document.documentElement.dataset["theme"] = asked.get("theme") ?? "system";
document.documentElement.dataset["stories"] = STORIES.map((story) => story.name).join(" ");

const nowhere = createClient("http://localhost:9", "key", { auth: { persistSession: false } });
const spoken = await load(languageOf([asked.get("language") ?? "en"]));
const shown = STORIES.filter((story) => (name ? story.name === name : !story.isAlone));
createRoot(document.getElementById("root")!).render(
  <Speaking spoken={spoken}>
    <RomashkaProvider client={new Romashka(nowhere)}>
      <main className={css["stories"]}>
        {shown.map((story) => (
          <section key={story.name} data-story={story.name} aria-label={story.name}>
            <p className={css["name"]}>{story.name}</p>
            <div
              className={css["stage"]}
              style={{ maxInlineSize: story.width, blockSize: story.height }}
            >
              <story.show />
            </div>
          </section>
        ))}
      </main>
    </RomashkaProvider>
  </Speaking>,
);
