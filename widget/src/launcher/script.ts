/** The script tag: `<script async src=".../romashka-widget.js" data-project="https://…" data-key="…">`. */
import { createWidget } from "./launcher";
import type { Mount, Widget } from "./widget";

declare const WINDOW_FILE: string;
declare global {
  interface Window {
    /** The one name that the widget has on the page. */
    RomashkaWidget?: Widget;
  }
}

// A page may show elements of others, and one that is named `currentScript` would be taken for ours.
const { currentScript } = document;
const script = currentScript instanceof HTMLScriptElement ? currentScript : null;
const { project = "", key = "", language } = script?.dataset ?? {};
let tries = 0;
/** Under another address each time: a browser remembers that a module could not be loaded. */
function load(): Promise<{ mount: Mount }> {
  const again = tries > 0 ? `?${tries}` : "";
  tries += 1;
  return import(new URL(WINDOW_FILE + again, script?.src).href) as Promise<{ mount: Mount }>;
}

function begin(): void {
  // The tag is there twice, or a router ran it again: what is open stays open.
  const present = window.RomashkaWidget;
  if (present?.project === project && project) return;
  if (!(present instanceof Element)) present?.destroy(); // nor an element of that name
  const captcha = () =>
    (window as { romashkaCaptcha?: () => Promise<string> }).romashkaCaptcha?.() ??
    Promise.resolve("");
  window.RomashkaWidget = createWidget({ project, key, language, captcha }, load);
  document.dispatchEvent(new Event("romashka:ready"));
}

if (document.body) begin();
else addEventListener("DOMContentLoaded", begin, { once: true });
