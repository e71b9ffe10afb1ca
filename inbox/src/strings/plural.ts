/** Counts in words, as each language forms them. */

type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** Return what puts a count into the form that its language has for it; `#` is the count. */
export function plural(language: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(language);
  return (count, forms) =>
    (forms[rules.select(count)] ?? forms.other).replace("#", number.format(count));
}
