/** The language of the widget: one is loaded, the others stay where they are. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { directionOf } from "../language";
import type en from "./en";

export type Strings = typeof en;
export interface Spoken {
  language: string;
  /** As it is spoken where the visitor is: for dates and numbers. */
  locale: string;
  direction: "ltr" | "rtl";
  strings: Strings;
}

const LOADERS: Record<string, () => Promise<{ default: Strings }>> = {
  ar: () => import("./ar"),
  de: () => import("./de"),
  en: () => import("./en"),
  es: () => import("./es"),
  fr: () => import("./fr"),
  it: () => import("./it"),
  ja: () => import("./ja"),
  nl: () => import("./nl"),
  pl: () => import("./pl"),
  pt: () => import("./pt"),
  tr: () => import("./tr"),
  uk: () => import("./uk"),
};

/** Load what a language says; English, where it does not come, as browsers remember what could not be loaded. */
export async function speak(language: string): Promise<Spoken> {
  const { default: strings } = await LOADERS[language]!().catch((error: unknown) => {
    if (language === "en") throw error;
    return { default: null };
  });
  if (strings === null) return speak("en");
  const locale = navigator.languages.find((each) => each.split("-")[0] === language) ?? language;
  return { language, locale, direction: directionOf(language), strings };
}

/** Put words into a text. */
export const fill = (text: string, words: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => String(words[name] ?? ""));

export const Speech = createContext<Spoken>(null as never);
export const useSpeech = () => useContext(Speech);
