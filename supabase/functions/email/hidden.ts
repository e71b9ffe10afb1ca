// What no reader of a mail sees in its HTML is not read here either: neither by staff nor by the AI, to whom
// anybody could give instructions there.

import { converter, parse as parseColour } from "culori";
import render from "dom-serializer";
import { type AnyNode, hasChildren, isTag, isText, type ParentNode } from "domhandler";
import { parseDocument } from "htmlparser2";
import { type Styles, stylesIn } from "./styles.ts";

const MAX_DEPTH = 300; // the text of what is deeper is not read
const MIN_FONT_PX = 2;
const MIN_OPACITY = 0.06;
const MAX_LIKENESS = 0.05;
const FAR_PX = -200;
const NEVER_SHOWN = ["template", "datalist", "iframe", "noframes", "noembed", "object", "svg"];

interface Colour {
  r: number;
  g: number;
  b: number;
  alpha?: number;
}

/** What an element has from those around it. */
interface Look {
  fontPx: number;
  isVisible: boolean;
  opacity: number;
  colour: Colour;
  /** Null where it is a picture. */
  background: Colour | null;
}

const toRgb = converter("rgb");
const BLACK: Colour = { r: 0, g: 0, b: 0 };
const WHITE: Colour = { r: 1, g: 1, b: 1 };
const LINK: Colour = { r: 0, g: 0, b: 0.93 };
const PAGE: Look = { fontPx: 16, isVisible: true, opacity: 1, colour: BLACK, background: WHITE };

/** Return the HTML without what a browser does not show. */
export function withoutHidden(html: string): string {
  const document = parseDocument(html);
  const stylesOf = stylesIn(allNodes(document));
  const open: [ParentNode, Look, number][] = [[document, PAGE, 0]];
  for (let entry; (entry = open.pop());) {
    const [parent, look, depth] = entry;
    parent.children = parent.children.filter((node) => {
      if (isText(node)) return isShown(look);
      if (!isTag(node)) return hasChildren(node);
      if (isNeverShown(node.name, node.attribs)) return false;
      const styles = stylesOf(node);
      if (isGone(styles, look.fontPx)) return false;
      const own = lookOf(styles, look, node.name === "a" && "href" in node.attribs);
      if (depth < MAX_DEPTH) open.push([node, own, depth + 1]);
      else node.children = [];
      return true;
    });
  }
  return render(document, { encodeEntities: "utf8" });
}

function allNodes(root: ParentNode): AnyNode[] {
  const nodes: AnyNode[] = [root as AnyNode];
  for (let place = 0; place < nodes.length; place++) {
    const node = nodes[place];
    if (hasChildren(node)) { for (const child of node.children) nodes.push(child); }
  }
  return nodes;
}

function isNeverShown(name: string, attributes: Record<string, string>): boolean {
  return NEVER_SHOWN.includes(name) || name === "dialog" && !("open" in attributes);
}

function isShown({ fontPx, isVisible, opacity, colour, background }: Look): boolean {
  return isVisible && fontPx > MIN_FONT_PX && opacity * (colour.alpha ?? 1) >= MIN_OPACITY &&
    (background === null || !isAlike(colour, background));
}

function isAlike(one: Colour, other: Colour): boolean {
  return (["r", "g", "b"] as const).every((part) =>
    Math.abs(one[part] - other[part]) < MAX_LIKENESS
  );
}

/** Is nothing of the element shown, whatever is in it? */
function isGone(styles: Styles, fontPx: number): boolean {
  const said = (property: string) => styles.get(property) ?? "";
  const length = (property: string) => lengthOf(said(property), fontPx) ?? NaN;
  if (said("display") === "none" || said("content-visibility") === "hidden") return true;
  const isCut = /hidden|clip|scroll|auto/.test(
    said("overflow") + said("overflow-x") + said("overflow-y"),
  );
  const isFlat = (property: string) => length(property) <= 1;
  if (isFlat("max-height") || isFlat("max-width")) return true;
  if (isFlat("height") && isFlat("width")) return true;
  if (isCut && (isFlat("height") || isFlat("width") || length("line-height") === 0)) return true;
  return isFarAway(styles, length) || isCutAway(said);
}

function isFarAway(styles: Styles, length: (property: string) => number): boolean {
  const isPlaced = /absolute|fixed|relative/.test(styles.get("position") ?? "");
  const sides = ["text-indent", "margin-left", "margin-top", "margin"];
  return [...sides, ...(isPlaced ? ["left", "top", "right", "bottom", "inset"] : [])]
    .some((side) => length(side) <= FAR_PX) ||
    /translate\w*\([^)]*-\d{3,}/.test(styles.get("transform") ?? "");
}

function isCutAway(said: (property: string) => string): boolean {
  return /rect\(\s*(?:0|1px)\D+(?:0|1px)\D+(?:0|1px)\D+(?:0|1px)\D*\)/.test(said("clip")) ||
    /inset\(\s*(?:[5-9]\d|100)%|circle\(\s*0|polygon\(\s*0\D+0\D+0\D+0\D/.test(said("clip-path")) ||
    /scale\w*\(\s*0*(?:\.0+)?\s*[,)]/.test(said("transform")) ||
    /opacity\(\s*0*(?:\.0+)?%?\s*\)/.test(said("filter"));
}

function lookOf(styles: Styles, around: Look, isLink: boolean): Look {
  const visibility = styles.get("visibility");
  const opacity = amountOf(styles.get("opacity"));
  const colour = colourOf(styles.get("-webkit-text-fill-color")) ?? colourOf(styles.get("color"));
  return {
    fontPx: fontSizeOf(styles, around.fontPx),
    isVisible: visibility === "visible" ||
      (around.isVisible && visibility !== "hidden" && visibility !== "collapse"),
    opacity: around.opacity * opacity,
    colour: colour ?? (isLink ? LINK : around.colour),
    background: backgroundOf(styles, around.background),
  };
}

function amountOf(said = ""): number {
  const number = parseFloat(said);
  return Number.isNaN(number) ? 1 : Math.min(1, said.endsWith("%") ? number / 100 : number);
}

/** Also in `font`, before the family: `font: 0/0 a`. */
function fontSizeOf(styles: Styles, around: number): number {
  const said = styles.get("font-size") ??
    styles.get("font")?.match(/(?:^|\s)(\d*\.?\d+(?:[a-z]+|%)?)(?:\s*\/\s*\S+)?\s+[^\d\s]/)?.[1];
  if (said === undefined) return around;
  if (/^(?:inherit|unset)$/.test(said)) return around;
  return lengthOf(said, around, around) ?? PAGE.fontPx;
}

const UNITS: Record<string, number> = {
  "": 1,
  px: 1,
  pt: 4 / 3,
  pc: 16,
  in: 96,
  cm: 37.8,
  mm: 3.78,
  q: 0.945,
  rem: 16,
  vw: 10,
  vh: 10,
};

function lengthOf(said: string, fontPx: number, whole?: number): number | null {
  const [, number, unit] =
    said.match(/^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([a-z]*|%)(?:$|\s)/) ?? [];
  if (number === undefined) return null;
  const value = Number(number);
  if (value === 0) return 0;
  if (unit === "%") return whole === undefined ? null : value * whole / 100;
  if (unit === "em" || unit === "ex" || unit === "ch") return value * fontPx;
  return unit! in UNITS ? value * UNITS[unit!] : null;
}

function backgroundOf(styles: Styles, around: Colour | null): Colour | null {
  const said = styles.get("background") ?? "";
  if (/url\(|gradient\(/.test(said + (styles.get("background-image") ?? ""))) return null;
  const words = said.match(/[\w#-]+(?:\([^)]*\))?/g) ?? [];
  const colours = [styles.get("background-color"), ...words].map(colourOf);
  const found = colours.find((colour) => colour && (colour.alpha ?? 1) >= MIN_OPACITY);
  if (!found) return around;
  return (found.alpha ?? 1) < 0.9 ? null : found; // what shines through is not known
}

function colourOf(said = ""): Colour | undefined {
  const name = /^[0-9a-f]{6}$/.test(said) ? `#${said}` : said; // as attributes write it
  return said && said.length < 100 ? toRgb(parseColour(name)) as Colour | undefined : undefined;
}
