// What styles apply to an element of a mail's HTML: those of its sheets, its attributes, its own.

import { compile } from "css-select";
import parse from "css-tree/parser";
import { ident } from "css-tree/utils";
import { type AnyNode, type Element, hasChildren, isTag, isText } from "domhandler";
import { matchesMedia, type Width, WIDTHS } from "./media_queries.ts";

const MAX_SHEET = 200_000;
const MAX_STYLE = 10_000;
const MAX_RULES = 2_000;
/** How often an element is held against a rule, in all of a mail. */
const MAX_MATCHES = 2_000_000;
const MAX_SELECTOR = 200;
const MAX_STEPS = 20;
const MAX_DEPTH = 20; // the parser calls itself for each block

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
  widths: readonly Width[];
  /** Does it look at an element's neighbours, or at what is in it? */
  isFarReaching: boolean;
}

export interface Sheet {
  /** The screens that the document makes a difference between. */
  widths: readonly Width[];
  stylesOf(element: Element, width: Width): Styles;
}

/** Return what finds an element's styles, given all nodes of the document. */
export function stylesIn(nodes: readonly AnyNode[]): Sheet {
  const sheets = nodes.filter((node) => isTag(node) && node.name === "style") as Element[];
  const text = sheets.flatMap(({ children }) => children.filter(isText)).map(({ data }) => data);
  const rules = affordable(rulesOf(shallow(text.join("\n").slice(0, MAX_SHEET))), nodes);
  const isResponsive = rules.some(({ widths }) => widths.length < WIDTHS.length);
  const holding = new Map(
    WIDTHS.map((width) => [width, rules.filter(({ widths }) => widths.includes(width))]),
  );
  return {
    widths: isResponsive ? WIDTHS : WIDTHS.slice(-1),
    stylesOf: (element, width) => cascade(element, holding.get(width)!),
  };
}

/** A far-reaching rule takes as long as a long list of children has neighbours. */
function affordable(rules: Rule[], nodes: readonly AnyNode[]): Rule[] {
  const widest = nodes.reduce(
    (most, node) => Math.max(most, hasChildren(node) ? node.children.length : 1),
    1,
  );
  let left = MAX_MATCHES / (nodes.length || 1);
  return rules.filter(({ isFarReaching }) => {
    const cost = isFarReaching ? MAX_DEPTH + widest : 1;
    if (cost > left) return false;
    left -= cost;
    return true;
  });
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
  value?: { value?: string } | string;
  important?: boolean | string;
  prelude?: { value?: string } | null;
  block?: CssNode | null;
  children?: Iterable<CssNode>;
}

function readDeclarations(block: CssNode): Declaration[] {
  return [...block.children ?? []].filter(({ type }) => type === "Declaration")
    .map(({ property, value, important }) => ({
      property: plain(property ?? ""),
      value: plain(typeof value === "object" ? value.value ?? "" : ""),
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
  return flat(parsed(sheet), WIDTHS, "").flatMap(({ selectors, block, widths }) => {
    const declarations = readDeclarations(block);
    return selectorsOf(selectors).flatMap((selector) => {
      const matches = compiled(selector);
      const isFarReaching = /[~+]|:(?:has|nth|first|last|only)/i.test(selector);
      return matches && declarations.length
        ? [{ matches, weight: weightOf(selector), declarations, widths, isFarReaching }]
        : [];
    });
  }).slice(0, MAX_RULES);
}

function parsed(sheet: string): CssNode {
  return parse(sheet, { parseValue: false, parseRulePrelude: false, parseAtrulePrelude: false });
}

interface Flat {
  selectors: string;
  block: CssNode;
  widths: readonly Width[];
}

/** The rules that hold on any screen; what holds for some readers alone (dark, printed) is left out. */
function flat(root: CssNode, widths: readonly Width[], around: string): Flat[] {
  return [...root.children ?? []].flatMap((node) => {
    if (node.type === "Raw" && around !== "") { // the parser does not know a rule in a rule
      const raw = String(node.value);
      return raw.includes("{") ? flat(parsed(raw), widths, around) : [];
    }
    if (!node.block) return [];
    const said = node.prelude?.value ?? "";
    if (node.type === "Rule") {
      const selectors = around === "" ? said : nested(said, around);
      const own = { selectors, block: node.block, widths };
      return [own, ...flat(node.block, widths, selectors)];
    }
    const name = node.name?.toLowerCase() ?? "";
    const inner = name === "media" ? widths.filter((width) => matchesMedia(said, width)) : widths;
    const isShown = name === "media" || name === "layer" ||
      name === "supports" && !/\bnot\b/i.test(said);
    if (!isShown || inner.length === 0) return [];
    const own = around === "" ? [] : [{ selectors: around, block: node.block, widths: inner }];
    return [...own, ...flat(node.block, inner, around)];
  });
}

function nested(selectors: string, around: string): string {
  if (around.length > MAX_SELECTOR) return "";
  const parent = `:is(${around.trim()})`;
  return selectorsOf(selectors).filter(({ length }) => length <= MAX_SELECTOR)
    .map((one) => one.includes("&") ? one.replaceAll("&", parent) : `${parent} ${one}`).join(",");
}

function selectorsOf(list: string): string[] {
  const selectors = [""];
  let depth = 0;
  for (const sign of list.slice(0, 10_000)) {
    if ("([".includes(sign)) depth++;
    else if (")]".includes(sign)) depth--;
    if (sign === "," && depth === 0) selectors.push("");
    else selectors[selectors.length - 1] += sign;
  }
  return selectors.map((selector) => selector.trim()).filter(Boolean);
}

/** Selectors that take long to match count as none, like those that are none. */
function compiled(selector: string): Rule["matches"] | null {
  const steps = selector.split(/[\s>+~]+/).length;
  if (selector.length > MAX_SELECTOR || steps > MAX_STEPS) return null;
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
