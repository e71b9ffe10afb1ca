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

export const labelsOf = (language: string) => LABELS[language]!;
