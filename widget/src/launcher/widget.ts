/** What a page has of the widget: `RomashkaWidget`, or what `createWidget` returns. */

export interface Options {
  /** The project's address, such as `https://example.supabase.co`. */
  project: string;
  /** Its anon (publishable) key. */
  key: string;
  /** A language of the widget's; without it, the visitor's own. */
  language?: string | undefined;
  /** Give a captcha's token when a visitor is about to be signed in, for projects that want one. */
  captcha?: (() => Promise<string>) | undefined;
}

/** What happens, and what is told of it. */
export interface Events {
  open: undefined;
  close: undefined;
  /** Somebody wrote: a message of the conversation, once. */
  message: { id: string; text: string; from: "customer" | "ai" | "human" };
  /** So many messages were not read. */
  unread: number;
}

/**
 * Who the page says that its user is: by a session of the same project, or by an id that the page's server signed. A
 * name, an e-mail address or a phone number is a hint for the team, and opens nothing. Null: nobody any more.
 */
export type Who =
  | { jwt: string | (() => Promise<string>) }
  | { id: string; hmac: string; expiresAt?: number }
  | { name: string }
  | null;

export interface Widget {
  /** Whose it is; nothing, once it was taken off the page. */
  readonly project: string;
  /** Open the window; with a text, that is what the customer begins with. */
  open(text?: string): void;
  close(): void;
  /** Say who the customer is; at each load of the page, and null when they sign out. */
  identify(who: Who): void;
  /** Take the widget off the page; what was said stays where it is. */
  destroy(): void;
  /** Hear of something; return what ends it. */
  on<Name extends keyof Events>(name: Name, hear: (told: Events[Name]) => void): () => void;
}

/** What the window is given by the launcher. */
export interface Place extends Options {
  /** Whom the page has named so far; undefined: nothing was said. */
  who: Who | undefined;
  root: ShadowRoot;
  tell<Name extends keyof Events>(name: Name, told: Events[Name]): void;
}

/** The window, once it is loaded. */
export interface Window {
  open(text?: string): void;
  close(): void;
  identify(who: Who): void;
  destroy(): void;
}

export type Mount = (place: Place) => Promise<Window>;
