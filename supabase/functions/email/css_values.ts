// What the values of CSS properties are: lengths in pixels, amounts, colours.

import { calc } from "@csstools/css-calc";
import { converter, parse as parseColour } from "culori";

export interface Colour {
  r: number;
  g: number;
  b: number;
  alpha?: number;
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

const MATHS = /^(?:calc|min|max|clamp)\(/;
const toRgb = converter("rgb");

/** Return a number or a percentage as one of 0 to 1; 1 for anything else. */
export function amountOf(said = ""): number {
  const number = parseFloat(said);
  return Number.isNaN(number) ? 1 : Math.min(1, said.endsWith("%") ? number / 100 : number);
}

/** Return a length in pixels, percent being of `whole`; null where it is not known. */
export function lengthOf(said: string, fontPx: number, whole?: number): number | null {
  if (MATHS.test(said)) {
    const inPx = said.replace(/[\d.]+(?:[a-z]+|%)/g, (one) => {
      const px = lengthOf(one, fontPx, whole);
      return px === null ? one : `${px}px`;
    });
    const solved = calc(inPx);
    return MATHS.test(solved) ? null : lengthOf(solved, fontPx, whole);
  }
  const [, number, unit] =
    said.match(/^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([a-z]*|%)(?:$|\s)/) ?? [];
  if (number === undefined) return null;
  const value = Number(number);
  if (value === 0) return 0;
  if (unit === "%") return whole === undefined ? null : value * whole / 100;
  if (unit === "em" || unit === "ex" || unit === "ch") return value * fontPx;
  return unit! in UNITS ? value * UNITS[unit!] : null;
}

/** Return a colour by its name or in any notation; undefined for what is none. */
export function colourOf(said = ""): Colour | undefined {
  const name = /^[0-9a-f]{6}$/.test(said) ? `#${said}` : said; // as attributes write it
  return said && said.length < 100 ? toRgb(parseColour(name)) as Colour | undefined : undefined;
}
