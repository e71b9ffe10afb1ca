// What no reader of a mail sees in its HTML is not read here either: neither by staff nor by the AI, to whom
// anybody could give instructions there.

import render from "dom-serializer";
import { type AnyNode, hasChildren, isTag, isText, type ParentNode } from "domhandler";
import { parseDocument } from "htmlparser2";
import { amountOf, type Colour, colourOf, lengthOf } from "./css_values.ts";
import type { Width } from "./media_queries.ts";
import { type Sheet, type Styles, stylesIn } from "./styles.ts";
import { type Variables, withoutVariables } from "./variables.ts";

const MAX_DEPTH = 300; // the text of what is deeper is not read
const MIN_FONT_PX = 2;
const MIN_OPACITY = 0.06;
const MAX_LIKENESS = 0.05;
const FAR_PX = -200;
const TOO_FAR_PX = 3_000;
const NEVER_SHOWN = ["template", "datalist", "iframe", "noframes", "noembed", "object", "svg"];

/** What an element has from those around it. */
interface Look {
  fontPx: number;
  isVisible: boolean;
  opacity: number;
  colour: Colour;
  /** Null where it is a picture. */
  background: Colour | null;
  variables: Variables;
}

const BLACK: Colour = { r: 0, g: 0, b: 0 };
const WHITE: Colour = { r: 1, g: 1, b: 1 };
const LINK: Colour = { r: 0, g: 0, b: 0.93 };
const PAGE_PX = 600;
const PAGE: Look = {
  fontPx: 16,
  isVisible: true,
  opacity: 1,
  colour: BLACK,
  background: WHITE,
  variables: new Map(),
};

/** Return the HTML without what a browser shows on no screen. */
export function withoutHidden(html: string): string {
  const document = parseDocument(withBody(html));
  const nodes = allNodes(document);
  const sheet = stylesIn(nodes);
  const shown = new Set<AnyNode>();
  for (const width of sheet.widths) findShown(document, sheet, width, shown);
  for (const node of nodes) {
    if (hasChildren(node)) node.children = node.children.filter((child) => shown.has(child));
  }
  return render(document, { encodeEntities: "utf8" });
}

/** Browsers put it there where a mail leaves it out, and styles name it. */
function withBody(html: string): string {
  const missing = ["html", "body"].filter((name) => !new RegExp(`<${name}\\b`, "i").test(html));
  return missing.map((name) => `<${name}>`).join("") + html;
}

function findShown(document: ParentNode, sheet: Sheet, width: Width, shown: Set<AnyNode>): void {
  const open: [ParentNode, Look, number][] = [[document, PAGE, 0]];
  for (let entry; (entry = open.pop());) {
    const [parent, look, depth] = entry;
    for (const node of parent.children) {
      if (isText(node)) {
        if (isShown(look)) shown.add(node);
      } else if (isTag(node) && !isNeverShown(node.name, node.attribs)) {
        const { styles, variables } = withoutVariables(sheet.stylesOf(node, width), look.variables);
        if (isGone(styles, look.fontPx)) continue;
        shown.add(node);
        const isLink = node.name === "a" && "href" in node.attribs;
        const own = { ...lookOf(styles, look, isLink), variables };
        if (depth < MAX_DEPTH) open.push([node, own, depth + 1]);
      }
    }
  }
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
  const length = (property: string) =>
    lengthOf(said(property), fontPx, property === "text-indent" ? PAGE_PX : undefined) ?? NaN;
  if (said("display") === "none" || said("content-visibility") === "hidden") return true;
  const isCut = /hidden|clip|scroll|auto/.test(
    said("overflow") + said("overflow-x") + said("overflow-y"),
  );
  const isFlat = (property: string) => length(property) <= 1;
  if (isFlat("max-height") || isFlat("max-width")) return true;
  if (isFlat("height") && isFlat("width")) return true;
  if (isCut && (isFlat("height") || isFlat("width") || length("line-height") === 0)) return true;
  if (isCut && length("text-indent") >= PAGE_PX) return true;
  return isFarAway(styles, length) || isCutAway(said);
}

function isFarAway(styles: Styles, length: (property: string) => number): boolean {
  const isPlaced = /absolute|fixed|relative/.test(styles.get("position") ?? "");
  const sides = ["text-indent", "margin-left", "margin-top", "margin"];
  return [...sides, ...(isPlaced ? ["left", "top", "right", "bottom", "inset"] : [])]
    .some((side) => length(side) <= FAR_PX) ||
    isPlaced && ["left", "right", "bottom"].some((side) => length(side) >= TOO_FAR_PX) ||
    length("translate") <= FAR_PX ||
    /translate\w*\([^)]*-\d{3,}/.test(styles.get("transform") ?? "");
}

function isCutAway(said: (property: string) => string): boolean {
  return /rect\(\s*(?:0|1px)\D+(?:0|1px)\D+(?:0|1px)\D+(?:0|1px)\D*\)/.test(said("clip")) ||
    isInsetAway(said("clip-path")) ||
    /circle\(\s*0(?![.\d])|polygon\((?:\s*0[a-z%]*\s+0[a-z%]*\s*,?)+\)/.test(said("clip-path")) ||
    /scale\w*\(\s*0*(?:\.0+)?\s*[,)]|matrix\(\s*0\s*,\s*0\s*,\s*0\s*,\s*0\s*,|rotate[xy]\(\s*-?90deg/
      .test(said("transform")) ||
    /^0*(?:\.0+)?%?$/.test(said("scale")) && said("scale") !== "" ||
    /opacity\(\s*0*(?:\.0+)?%?\s*\)/.test(said("filter"));
}

/** `inset(100%)`, and any whose two opposite sides meet. */
function isInsetAway(path: string): boolean {
  const [, said] = path.match(/inset\(([^)]*?)(?:\s+round\b[^)]*)?\)/) ?? [];
  if (said === undefined) return false;
  const sides = said.trim().split(/\s+/).map((side) => side.endsWith("%") ? parseFloat(side) : 0);
  const [top, right = top, bottom = top, left = right] = sides;
  return top + bottom >= 100 || left + right >= 100;
}

function lookOf(styles: Styles, around: Look, isLink: boolean): Omit<Look, "variables"> {
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

/** Also in `font`, before the family: `font: 0/0 a`. */
function fontSizeOf(styles: Styles, around: number): number {
  const said = styles.get("font-size") ??
    styles.get("font")?.match(/(?:^|\s)(\d*\.?\d+(?:[a-z]+|%)?)(?:\s*\/\s*\S+)?\s+[^\d\s]/)?.[1];
  if (said === undefined) return around;
  if (/^(?:inherit|unset)$/.test(said)) return around;
  return lengthOf(said, around, around) ?? PAGE.fontPx;
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
