// Styles that are said by custom properties: `--x: none` and, in it or in what is inside of it, `display: var(--x)`.

import type { Styles } from "./styles.ts";

const MAX_VALUE = 1_000; // each may be made of others
const MAX_TURNS = 10;
const VAR = /var\(\s*(--[\w-]+)\s*(?:,([^()]*(?:\([^()]*\)[^()]*)*))?\)/g;

/** What custom properties are, for an element and all in it. */
export type Variables = ReadonlyMap<string, string>;

/** Return an element's styles with what its properties refer to, and the custom ones for what is in it. */
export function withoutVariables(
  styles: Styles,
  around: Variables,
): { styles: Styles; variables: Variables } {
  const own = [...styles].filter(([property]) => property.startsWith("--"));
  const variables = own.length ? new Map([...around, ...own]) : around;
  const found: Styles = new Map();
  for (const [property, value] of styles) {
    if (!value.includes("var(")) found.set(property, value);
    else if (property.startsWith("background")) {
      found.set(property, resolved(value, variables) ?? "url()"); // nobody knows what it is
    } else {
      const known = resolved(value, variables);
      if (known !== null) found.set(property, known);
    }
  }
  return { styles: found, variables };
}

/** Null where one of them is nothing. */
function resolved(value: string, variables: Variables): string | null {
  let said = value, isKnown = true;
  for (let turn = 0; turn < MAX_TURNS && said.includes("var("); turn++) {
    said = said.replace(VAR, (_, name: string, fallback?: string) => {
      const found = variables.get(name) ?? fallback?.trim();
      isKnown &&= found !== undefined;
      return found ?? "";
    });
    if (said.length > MAX_VALUE) return null;
  }
  return isKnown && !said.includes("var(") ? said.trim() : null;
}
