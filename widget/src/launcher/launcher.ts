/** The button on the page. All else is loaded when somebody is about to use it, or has been here before. */
import { directionOf, languageOf, wanted } from "../language";
import { hasSession } from "../session/shelf";
import { labelsOf } from "./labels";
import css from "./launcher.css";
import type { Events, Mount, Options, Who, Widget, Window } from "./widget";

/** Put the widget on the page. */
export function createWidget(options: Options, load: () => Promise<{ mount: Mount }>): Widget {
  check(options);
  return new Launcher(options, load);
}

type Hearers = { [Name in keyof Events]?: Set<(told: Events[Name]) => void> };

class Launcher implements Widget {
  readonly #host = document.createElement("div");
  readonly #root = this.#host.attachShadow({ mode: "open" });
  readonly #button = element("button", "launcher");
  readonly #badge = element("span", "badge");
  readonly #trouble = element("p", "trouble");
  readonly #hearers: Hearers = {};
  readonly #labels: readonly [string, string];
  readonly #keeper = new MutationObserver(() => this.#stay());
  #loading: Promise<{ mount: Mount }> | null = null;
  #whole: Promise<Window> | null = null;
  /** Undefined: nothing was said. */
  #who: Who | undefined;
  #isOpen = false;
  #isGone = false;

  constructor(
    private readonly options: Options,
    private readonly load: () => Promise<{ mount: Mount }>,
  ) {
    const language = languageOf(wanted(options.language));
    this.#labels = labelsOf(language);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.#root.adoptedStyleSheets = [sheet];
    this.#button.type = "button";
    this.#button.dir = this.#trouble.dir = directionOf(language);
    this.#button.setAttribute("aria-haspopup", "dialog");
    this.#button.append(icon(), this.#badge);
    this.#badge.hidden = this.#trouble.hidden = true;
    this.#trouble.setAttribute("role", "alert");
    this.#root.append(this.#button, this.#trouble);
    this.#name(0);
    for (const intent of ["pointerenter", "focus", "touchstart"] as const)
      this.#button.addEventListener(intent, () => void this.#load().catch(() => {}), {
        passive: true,
      });
    this.#button.addEventListener("click", () => (this.#isOpen ? this.close() : this.open()));
    this.#stay();
    this.#keeper.observe(document.documentElement, { childList: true });
    this.#keepOn(document.body);
    if (hasSession(options.project))
      whenIdle(() => this.#isGone || void this.#mounted().catch(() => {}));
  }

  get project(): string {
    return this.#isGone ? "" : this.options.project;
  }

  open(text?: string): void {
    if (this.#isGone) return;
    this.#button.setAttribute("aria-busy", "true");
    this.#trouble.hidden = true;
    this.#mounted()
      .then((whole) => whole.open(text))
      .catch(() => {
        this.#trouble.textContent = this.#labels[1];
        this.#trouble.hidden = false;
      })
      .finally(() => this.#button.removeAttribute("aria-busy"));
  }

  close(): void {
    void this.#whole?.then((whole) => whole.close()).catch(() => {});
  }

  identify(who: Who): void {
    this.#who = who;
    void this.#whole?.then((whole) => whole.identify(who)).catch(() => {});
  }

  destroy(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#keeper.disconnect();
    void this.#whole?.then((whole) => whole.destroy()).catch(() => {});
    this.#host.remove();
  }

  on<Name extends keyof Events>(name: Name, hear: (told: Events[Name]) => void): () => void {
    const hearers = ((this.#hearers[name] as Set<typeof hear> | undefined) ??= new Set<
      typeof hear
    >() as never) as Set<typeof hear>;
    hearers.add(hear);
    return () => hearers.delete(hear);
  }

  #load(): Promise<{ mount: Mount }> {
    this.#loading ??= this.load().catch((error: unknown) => {
      this.#loading = null; // the next one tries again
      throw error;
    });
    return this.#loading;
  }

  #mounted(): Promise<Window> {
    this.#whole ??= this.#load()
      .then(({ mount }) => {
        if (this.#isGone) throw new Error("the widget was taken off the page");
        const tell = this.#tell.bind(this);
        return mount({ ...this.options, who: this.#who, root: this.#root, tell });
      })
      .catch((error: unknown) => {
        this.#whole = null;
        throw error;
      });
    return this.#whole;
  }

  #tell<Name extends keyof Events>(name: Name, told: Events[Name]): void {
    if (name === "unread") this.#name(told as number);
    if (name === "open" || name === "close") this.#show(name === "open");
    for (const hear of this.#hearers[name] ?? [])
      try {
        hear(told);
      } catch (error) {
        reportError(error); // the page's own trouble
      }
  }

  #show(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#host.toggleAttribute("data-open", isOpen);
    this.#button.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen && this.#root.activeElement) this.#button.focus({ preventScroll: true });
  }

  #name(unread: number): void {
    const [open] = this.#labels;
    this.#badge.hidden = unread === 0;
    this.#badge.textContent = unread > 9 ? "9+" : String(unread);
    this.#button.setAttribute("aria-label", unread ? `${open} (${unread})` : open);
  }

  /** Pages that show another page in place take off what they do not know. */
  #stay(): void {
    if (this.#isGone || this.#host.isConnected) return;
    // A page that takes it off again and again means it.
    if ((this.#tries += 1) > 1_000) return;
    this.#keepOn(document.body);
    document.body.append(this.#host);
    // Above all, and measured by the screen, whatever the page does to its body.
    this.#host.popover = "manual";
    this.#host.showPopover?.();
  }

  #tries = 0;
  #body: HTMLElement | null = null;
  #keepOn(body: HTMLElement): void {
    if (this.#body === body) return;
    this.#body = body;
    this.#keeper.observe(body, { childList: true });
  }
}

function element<Name extends "button" | "span" | "p">(name: Name, className: string) {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

/** A speech bubble; while the window is open, what points down. */
function icon(): SVGElement {
  const drawing = drawn("svg", {
    viewBox: "0 0 24 24",
    fill: "none",
    stroke: "currentColor",
    "stroke-width": "1.8",
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
    "aria-hidden": "true",
  });
  const bubble = drawn("path", { d: "M4 5h16v11H10l-5 4v-4H4zM8.500 9h7M8.500 12h4.500" });
  drawing.append(bubble, drawn("path", { d: "M6 9.500l6 6 6-6" }));
  return drawing;
}

function drawn(name: "svg" | "path", looks: Record<string, string>): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [each, value] of Object.entries(looks)) made.setAttribute(each, value);
  return made;
}

function whenIdle(act: () => void): void {
  const idle = () =>
    "requestIdleCallback" in globalThis
      ? requestIdleCallback(act, { timeout: 5_000 })
      : setTimeout(act, 500);
  if (document.readyState === "complete") idle();
  else addEventListener("load", idle, { once: true });
}

function check({ project, key }: Options): void {
  let isAddress = false;
  try {
    isAddress = /^https?:$/.test(new URL(project).protocol);
  } catch {
    // it is none
  }
  if (!isAddress)
    throw new Error(
      `romashka: “${project}” is not the address of a project, such as https://example.supabase.co`,
    );
  if (!key) throw new Error("romashka: the project's anon or publishable key is missing");
  if (isSecret(key))
    throw new Error(
      "romashka: a secret key, which everybody can read who opens this page; put the anon or publishable key there, and renew the secret one",
    );
}

function isSecret(key: string): boolean {
  if (key.startsWith("sb_secret_")) return true;
  try {
    const claims = key.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    return (JSON.parse(atob(claims)) as { role?: unknown }).role === "service_role";
  } catch {
    return false;
  }
}
