/** What the button says before any language is loaded: open it, and that it could not be loaded. */
const LABELS: Record<string, readonly [string, string]> = {
  ar: ["افتح المحادثة", "تعذّر التحميل. حاول مرة أخرى."],
  de: ["Chat öffnen", "Nicht geladen. Bitte noch einmal."],
  en: ["Open chat", "It did not load. Try again."],
  es: ["Abrir el chat", "No se ha cargado. Inténtelo de nuevo."],
  fr: ["Ouvrir la discussion", "Échec du chargement. Réessayez."],
  it: ["Apri la chat", "Caricamento non riuscito. Riprova."],
  ja: ["チャットを開く", "読み込めませんでした。もう一度お試しください。"],
  nl: ["Chat openen", "Niet geladen. Probeer het opnieuw."],
  pl: ["Otwórz czat", "Nie wczytano. Spróbuj ponownie."],
  pt: ["Abrir a conversa", "Não carregou. Tente novamente."],
  tr: ["Sohbeti aç", "Yüklenemedi. Yeniden deneyin."],
  uk: ["Відкрити чат", "Не завантажилося. Спробуйте ще раз."],
};

/** Return the first of the languages that there is; English, where none is. */
export function languageOf(wanted: readonly string[], offered: readonly string[] = []): string {
  const codes = wanted.map((each) => each.split("-")[0]!.toLowerCase());
  const all = Object.keys(LABELS);
  const known = offered.map((each) => each.split("-")[0]!).filter((code) => all.includes(code));
  const choice = known.length ? known : all;
  return codes.find((code) => choice.includes(code)) ?? known[0] ?? "en";
}

export const labelsOf = (language: string) => LABELS[language] ?? LABELS["en"]!;

/** The languages that somebody who looks at this page reads. */
export const wanted = (language?: string): readonly string[] =>
  language ? [language, ...navigator.languages] : navigator.languages;
