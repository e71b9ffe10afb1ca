// What styles apply to an element of a mail's HTML: those of its sheets, its attributes, its own.

import { compile } from "css-select";
import parse from "css-tree/parser";
import { ident } from "css-tree/utils";
import { type AnyNode, type Element, isTag, isText } from "domhandler";

const MAX_SHEET = 200_000;
const MAX_STYLE = 10_000;
const MAX_RULES = 2_000;
/** How often an element is held against a rule, in all of a mail. */
const MAX_MATCHES = 2_000_000;
const MAX_SELECTOR = 200;
const MAX_DEPTH = 50; // the parser calls itself for each block

/** Lower case, without comments and escapes. */
export type Styles = Map<string, string>;

interface Declaration {
  property: string;
  value: string;
  isImportant: boolean;
}

interface Rule {
  matches(element: Element): boolean;
  weight: number;
  declarations: Declaration[];
}

/** Return what finds an element's styles, given all nodes of the document. */
export function stylesIn(nodes: readonly AnyNode[]): (element: Element) => Styles {
  const sheets = nodes.filter((node) => isTag(node) && node.name === "style") as Element[];
  const text = sheets.flatMap(({ children }) => children.filter(isText)).map(({ data }) => data);
  const rules = rulesOf(shallow(text.join("\n").slice(0, MAX_SHEET)));
  const affordable = rules.slice(0, Math.floor(MAX_MATCHES / (nodes.length || 1)));
  return (element) => cascade(element, affordable);
}

/** The heavier declaration wins, of two alike the later one: importance, the element's own, the selector. */
function cascade(element: Element, rules: Rule[]): Styles {
  const styles: Styles = new Map();
  const weights = new Map<string, number>();
  const apply = (declarations: Declaration[], weight: number) => {
    for (const { property, value, isImportant } of declarations) {
      const heavy = weight + (isImportant ? 1e6 : 0);
      if (heavy < (weights.get(property) ?? 0)) continue;
      weights.set(property, heavy);
      styles.set(property, value);
    }
  };
  apply(attributesOf(element), 0);
  for (const rule of rules) if (rule.matches(element)) apply(rule.declarations, rule.weight);
  apply(declarationsOf(element.attribs.style ?? ""), 1e5);
  return styles;
}

/** What attributes say is as if styles did. */
function attributesOf({ name, attribs }: Element): Declaration[] {
  const said: [string, string | undefined][] = [
    ["display", "hidden" in attribs ? "none" : undefined],
    ["background-color", attribs.bgcolor],
    ["background-image", attribs.background && "url()"],
    ["color", name === "font" ? attribs.color : name === "body" ? attribs.text : undefined],
  ];
  return said.flatMap(([property, value]) =>
    value ? [{ property, value: value.trim().toLowerCase(), isImportant: false }] : []
  );
}

function declarationsOf(style: string): Declaration[] {
  if (!style.trim()) return [];
  return readDeclarations(
    parse(shallow(style.slice(0, MAX_STYLE)), { context: "declarationList", parseValue: false }),
  );
}

// The parser's tree, as far as it is read here.
interface CssNode {
  type: string;
  name?: string;
  property?: string;
  value?: { value?: string };
  important?: boolean | string;
  prelude?: { value?: string } | null;
  block?: CssNode | null;
  children?: Iterable<CssNode>;
}

function readDeclarations(block: CssNode): Declaration[] {
  return [...block.children ?? []].filter(({ type }) => type === "Declaration")
    .map(({ property, value, important }) => ({
      property: plain(property ?? ""),
      value: plain(value?.value ?? ""),
      isImportant: Boolean(important),
    }));
}

function plain(css: string): string {
  return ident.decode(css.replace(/\/\*.*?\*\//gs, "")).trim().toLowerCase();
}

/** Ends where it is nested too deep. */
function shallow(css: string): string {
  let depth = 0;
  for (const { index, 0: sign } of css.matchAll(/[{}()[\]]/g)) {
    depth = Math.max(0, depth + ("{([".includes(sign) ? 1 : -1));
    if (depth > MAX_DEPTH) return css.slice(0, index);
  }
  return css;
}

function rulesOf(sheet: string): Rule[] {
  const root: CssNode = parse(sheet, {
    parseValue: false,
    parseRulePrelude: false,
    parseAtrulePrelude: false,
  });
  return flat(root).flatMap((rule) => {
    const declarations = rule.block ? readDeclarations(rule.block) : [];
    return selectorsOf(rule.prelude?.value ?? "").flatMap((selector) => {
      const matches = compiled(selector);
      return matches ? [{ matches, weight: weightOf(selector), declarations }] : [];
    });
  }).slice(0, MAX_RULES);
}

/** The rules of every screen; what holds for some alone (narrow, dark, printed) is left out. */
function flat(root: CssNode): CssNode[] {
  return [...root.children ?? []].flatMap((node) => {
    if (node.type === "Rule") return [node];
    const isOfAll = node.type === "Atrule" && node.name?.toLowerCase() === "media" &&
      /^\s*(?:only\s+)?(?:screen|all)?\s*$/i.test(node.prelude?.value ?? "");
    return isOfAll && node.block ? flat(node.block) : [];
  });
}

function selectorsOf(list: string): string[] {
  return (list.slice(0, 10_000).match(/(?:\([^()]*\)|\[[^\]]*\]|[^,([])+/g) ?? [])
    .map((selector) => selector.trim()).filter(Boolean);
}

/** Selectors that take long to match (`:has`, many steps) count as none, like those that are none. */
function compiled(selector: string): Rule["matches"] | null {
  const steps = selector.split(/[\s>+~]+/).length;
  if (selector.length > MAX_SELECTOR || steps > 5 || /:(?:has|is|where|not)\(/i.test(selector)) {
    return null;
  }
  try {
    return compile<AnyNode, Element>(selector);
  } catch {
    return null;
  }
}

function weightOf(selector: string): number {
  const count = (part: RegExp) => Math.min(selector.match(part)?.length ?? 0, 9);
  return 100 * count(/#[\w-]/g) + 10 * count(/[.[:]/g) + count(/(?:^|[\s>+~])[a-z]/gi);
}
