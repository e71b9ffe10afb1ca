/** All of the widget but its button: loaded when somebody is about to use it. */
import { render } from "preact";
import type { Core } from "romashka";

import { Chat } from "./chat/chat";
import { connect } from "./chat/connect";
import { languageOf, wanted } from "./language";
import type { Place, Window } from "./launcher/widget";
import { Identity } from "./session/identity";
import { Keeper } from "./session/keeper";
import { openShelf } from "./session/shelf";
import { Speech, speak } from "./strings";
import { App, Desk, EMPTY } from "./ui/App";
import css from "./ui/window.css";

export async function mount(place: Place): Promise<Window> {
  const { root, tell, project, key, language, captcha, who } = place;
  const url = project.replace(/\/+$/, "");
  const keeper = new Keeper({ url, key }, captcha);
  const connected = connect({ url, key }, keeper);
  const { core } = connected;
  const identity = new Identity(core, keeper);
  if (who !== undefined) identity.set(who);
  const draft = openShelf(url, "draft", "sessionStorage");
  const desk = new Desk({ ...EMPTY, isOpen: false });
  const author = () => identity.owner ?? keeper.owner;
  let owner = author();
  /** What was being written is its author's alone. */
  const takeDraft = () => {
    const [by, text] = written(draft.get());
    if (owner && owner !== author()) desk.put(EMPTY);
    owner = author();
    const isTheirs = !by || (by === owner && by === keeper.owner);
    if (text && isTheirs && !desk.getSnapshot().text) desk.put({ text });
  };
  keeper.onAuthStateChange(takeDraft);
  takeDraft();
  const heard = new Set<string>();
  const chat = new Chat(url, keeper, connected, identity, (message) => {
    if (heard.has(message.id)) return;
    heard.add(message.id);
    const from = ({ user: "customer", ai: "ai", agent: "human" } as const)[message.sender_type];
    tell("message", { id: message.id, text: message.content, from });
  });

  const looks = new CSSStyleSheet();
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet, looks];
  const box = document.createElement("div");
  root.append(box);

  // Languages and looks come from the project; without an answer, the visitor's own and ours.
  const settings = () => chat.readSettings().catch(() => {});
  await Promise.race([settings(), pause(1_500)]);
  const offered = chat.getSnapshot().settings?.languages;
  const spoken = await speak(languageOf(wanted(language), offered));

  let unread = -1;
  const follow = () => {
    const { settings: told } = chat.getSnapshot();
    dress(looks, told ?? {}, spoken.direction);
    const { isOpen } = desk.getSnapshot();
    const count = isOpen && document.visibilityState === "visible" ? 0 : chat.unread;
    if (count !== unread) tell("unread", (unread = count));
  };
  const leave = [chat.subscribe(follow), desk.subscribe(follow)];
  desk.subscribe(() => {
    const { text } = desk.getSnapshot();
    const [by, kept] = written(draft.get());
    if (text === kept || (text === "" && by !== owner)) return;
    draft.set(text === "" ? null : JSON.stringify([owner, text]));
  });
  const screen = globalThis.visualViewport;
  const onScreen = () => fit(looks, desk.getSnapshot().isOpen ? screen : null);
  screen?.addEventListener("resize", onScreen);
  screen?.addEventListener("scroll", onScreen);

  const onWake = wakeful(core, () => {
    if (desk.getSnapshot().isOpen) chat.markRead();
  });
  document.addEventListener("visibilitychange", onWake);

  const become = () => void chat.become().catch(() => {}); // the screen says so

  const close = () => {
    if (!desk.getSnapshot().isOpen) return;
    desk.put({ isOpen: false });
    tell("close", undefined);
  };
  render(
    <Speech.Provider value={spoken}>
      <App
        chat={chat}
        desk={desk}
        attachments={connected.attachments}
        connection={core.connection}
        onClose={close}
      />
    </Speech.Provider>,
    box,
  );
  // Who was here before goes on being who the page says; whoever is new is nobody before they act.
  const begin = () => void chat.begin();
  void (keeper.hasKept ? identity.be() : Promise.resolve()).then(begin, begin);

  return {
    close,
    open: (text) => {
      if (text && !desk.getSnapshot().text) desk.put({ text });
      if (desk.getSnapshot().isOpen) return;
      desk.put({ isOpen: true });
      onScreen();
      tell("open", undefined);
      void settings(); // a change is seen at the next opening
      become();
    },
    identify: (named) => {
      identity.set(named);
      if (named === null) {
        chat.discardAll();
        desk.put(EMPTY);
        draft.set(null);
      }
      takeDraft();
      chat.discardOthers();
      if (desk.getSnapshot().isOpen || chat.getSnapshot().leaving.length > 0) become();
    },
    destroy: () => {
      leave.forEach((each) => each());
      screen?.removeEventListener("resize", onScreen);
      screen?.removeEventListener("scroll", onScreen);
      document.removeEventListener("visibilitychange", onWake);
      render(null, box);
      chat.close();
      keeper.close();
      void core.close();
    },
  };
}

/** A draft as it is kept: whose it is, and the text. */
function written(kept: string | null): [by: string, text: string] {
  try {
    const [by, text] = JSON.parse(kept ?? "[]") as string[];
    return [by ?? "", text ?? ""];
  } catch {
    return ["", ""];
  }
}

type Looks = { color?: string; text_color?: string };

/** The project's colours, as a rule of a sheet: strict pages allow no style attributes. */
function dress(sheet: CSSStyleSheet, { color, text_color }: Looks, direction: string): void {
  const rule = ruleOf(sheet);
  const isColor = (given?: string) => /^#[0-9a-f]{6}$/i.test(given ?? "");
  if (isColor(color)) rule.setProperty("--accent", color!);
  if (isColor(text_color)) rule.setProperty("--on-accent", text_color!);
  rule.setProperty("direction", direction);
}

/** What a keyboard leaves of the screen. */
function fit(sheet: CSSStyleSheet, screen: VisualViewport | null): void {
  const rule = ruleOf(sheet);
  if (!screen || screen.scale > 1.01) return void rule.removeProperty("--height");
  rule.setProperty("--height", `${screen.height}px`);
  rule.setProperty("--top", `${screen.offsetTop}px`);
}

function ruleOf(sheet: CSSStyleSheet): CSSStyleDeclaration {
  if (sheet.cssRules.length === 0) sheet.insertRule(":host {}");
  return (sheet.cssRules[0] as CSSStyleRule).style;
}

/** Whoever was away for so long may have missed something, and a socket dies in its sleep without a word. */
const AWAY_MS = 20_000;
const ANSWER_MS = 3_000;

/** Return what is done when the page is shown again. */
function wakeful(core: Core, onBack: () => void): () => void {
  let leftAt = Infinity;
  return () => {
    if (document.visibilityState === "hidden") return void (leftAt = Date.now());
    if (Date.now() - leftAt > AWAY_MS) {
      const { realtime } = core.backend;
      core.connection.retry(); // what was missed is read at once
      void realtime.sendHeartbeat();
      setTimeout(() => void realtime.sendHeartbeat(), ANSWER_MS); // without an answer to the first one it connects anew
    }
    leftAt = Infinity;
    onBack();
  };
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
