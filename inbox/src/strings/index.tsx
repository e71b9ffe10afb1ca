/** The language of the page: one is loaded, the others stay where they are. */
import { createContext, type ReactNode, useContext, useEffect } from "react";

import type { Strings } from "./en";

export type { Strings };
export const LANGUAGES = { en: "English", ar: "العربية" } as const;
export type Language = keyof typeof LANGUAGES;

const LOADERS: Record<Language, () => Promise<Strings>> = {
  en: async () => (await import("./en")).en,
  ar: async () => (await import("./ar")).ar,
};
const RIGHT_TO_LEFT = new Set<Language>(["ar"]);

export interface Spoken {
  language: Language;
  /** The language as it is spoken where the reader is: for dates and numbers. */
  locale: string;
  strings: Strings;
}

const Context = createContext<Spoken | null>(null);

/** Return the first of the wanted languages that there is; English, where none is. */
export function languageOf(wanted: readonly string[]): Language {
  const codes = wanted.map((each) => each.split("-")[0]!.toLowerCase());
  return (codes.find((code) => code in LANGUAGES) as Language | undefined) ?? "en";
}

/** Load what a language says. */
export async function load(language: Language): Promise<Spoken> {
  const locale = navigator.languages.find((each) => isLocaleOf(each, language)) ?? language;
  return { language, locale, strings: await LOADERS[language]() };
}

/** Some browsers name what is none, such as en-US@posix. */
function isLocaleOf(tag: string, language: Language): boolean {
  try {
    return new Intl.Locale(tag).language === language;
  } catch {
    return false;
  }
}

/** Give what is said to all components below. */
export function Speaking({ spoken, children }: { spoken: Spoken; children: ReactNode }) {
  const { language } = spoken;
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dir = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
  }, [language]);
  return <Context value={spoken}>{children}</Context>;
}

/** Return what the page says. */
export function useStrings(): Strings {
  return useSpoken().strings;
}

/** Return the language, with what the page says. */
export function useSpoken(): Spoken {
  return useContext(Context)!;
}
