/** Which language the widget speaks. */
export const LANGUAGES = "ar de en es fr it ja nl pl pt tr uk".split(" ");

/** Return the first of the wanted languages that is offered, or else the first that is offered; without an offer, English. */
export function languageOf(wanted: readonly string[], offered: readonly string[] = []): string {
  const codes = (all: readonly string[]) => all.map((each) => each.split("-")[0]!.toLowerCase());
  const known = codes(offered).filter((code) => LANGUAGES.includes(code));
  const choice = known.length > 0 ? known : LANGUAGES;
  return codes(wanted).find((code) => choice.includes(code)) ?? known[0] ?? "en";
}

/** The languages that somebody who looks at this page reads. */
export const wanted = (language?: string): readonly string[] =>
  language ? [language, ...navigator.languages] : navigator.languages;

export const directionOf = (language: string): "ltr" | "rtl" => (language === "ar" ? "rtl" : "ltr");
