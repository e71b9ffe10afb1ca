/** The lines that put the customer's window on a page, to be copied. */
import { type Config, readConfig } from "../../config/config";
import { Button } from "../../parts/Button";
import { useStrings } from "../../strings";
import { showToast } from "../../toasts";
import css from "./Settings.module.css";
import { useLoaded } from "./useLoaded";

/** Where its files are is known to who serves them alone. */
const FILES = "https://files.example.com/widget";

export function Snippet() {
  const { value: config } = useLoaded(readConfig);
  return config && typeof config !== "string" ? <Lines of={config} /> : null;
}

export function Lines({ of: { url, anonKey } }: { of: Config }) {
  const { setup } = useStrings();
  const lines =
    `<script async src="${FILES}/romashka-widget.js"\n` +
    `  data-project="${url}"\n  data-key="${anonKey}"></script>`;

  async function copy() {
    await navigator.clipboard.writeText(lines);
    showToast({ text: setup.copied });
  }

  return (
    <section>
      <h3>{setup.snippet}</h3>
      <p className={css["hint"]}>{setup.snippetHint(FILES)}</p>
      <pre className={css["snippet"]} dir="ltr" tabIndex={0} aria-label={setup.snippet}>
        {lines}
      </pre>
      {"clipboard" in navigator && <Button onClick={() => void copy()}>{setup.copy}</Button>}
    </section>
  );
}
