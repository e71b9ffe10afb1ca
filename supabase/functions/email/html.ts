// HTML to text. Nothing of a mail's HTML is kept: what a screen shows of a mail is text.

import { compile } from "html-to-text";
import { withoutHidden } from "./hidden.ts";

const MAX_CHARS = 500_000;
const MAX_DEPTH = 10_000;
/** Stands for the place from which on everything is quoted. */
const CUT = "\u001e";

interface Text {
  addLiteral(text: string): void;
  addInline(text: string): void;
}
type Walk = (nodes: unknown, text: Text) => void;

// What clients wrap quotes in, but for <blockquote>, which becomes lines with ">".
const QUOTES = [
  "div.gmail_attr",
  "div.yahoo_quoted",
  "div.zmail_extra",
  "div.moz-cite-prefix",
  'div[name="quote"]',
];
// Outlook and its kin put nothing around a quote; it goes on to the end.
const CUTS = [
  "#appendonsend",
  "#divRplyFwdMsg",
  "#mail-editor-reference-message-container",
  "#OLK_SRC_BODY_SECTION",
  'div[style^="border:none;border-top:solid"]',
];
const HIDDEN = ["img", "style", "script", "title", "head"];
const SHARED = [
  { selector: "a", options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
  { selector: "tr", format: "block", options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
  ...["td", "th"].map((selector) => ({ selector, format: "cell" })),
  ...["h1", "h2", "h3", "h4", "h5", "h6"].map((selector) => ({
    selector,
    options: { uppercase: false },
  })),
  ...HIDDEN.map((selector) => ({ selector, format: "skip" })),
];
/** Cells stand beside one another: `Name` and `Ana` are two words. */
function cell({ children }: { children: unknown }, walk: Walk, text: Text): void {
  walk(children, text);
  text.addInline(" ");
}

const OPTIONS = {
  wordwrap: false as const,
  limits: { maxInputLength: MAX_CHARS, maxDepth: 200, maxChildNodes: 10_000 },
};

const whole = compile({ ...OPTIONS, formatters: { cell }, selectors: SHARED });
const unquoted = compile({
  ...OPTIONS,
  formatters: {
    cell,
    cut: (_element: unknown, _walk: unknown, text: Text) => text.addLiteral(CUT),
  },
  selectors: [
    ...SHARED,
    ...QUOTES.map((selector) => ({ selector, format: "skip" })),
    ...CUTS.map((selector) => ({ selector, format: "cut" })),
  ],
});

/** Return all that the HTML says. */
export function htmlToText(html: string): string {
  return convert(html, whole);
}

/** Return what it says without quotes that are marked up as such. */
export function htmlToReply(html: string): string {
  return convert(html, unquoted).split(CUT)[0];
}

function convert(html: string, how: (html: string) => string): string {
  return how(withoutHidden(shallow(html.slice(0, MAX_CHARS))));
}

/** Ends where it is too deep: the parser's time grows with the square of the depth. */
function shallow(html: string): string {
  let depth = 0;
  for (const { index, 1: slash, 2: name } of html.matchAll(/<(\/?)([a-z]+)/gi)) {
    if (!/^(?:br|img|hr|meta|link|col|input|area|wbr)$/i.test(name)) depth += slash ? -1 : 1;
    if (depth > MAX_DEPTH) return html.slice(0, index);
  }
  return html;
}
