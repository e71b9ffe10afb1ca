// On which screens a rule of a style sheet holds: a mail hides some of its text on phones, and some on all others.

/** Of a phone and of a desk, as wide as mails are made for. */
export const WIDTHS = [360, 1200] as const;
export type Width = typeof WIDTHS[number];

const FEATURE = /\(\s*(?:(min|max)-)?(?:device-)?width\s*(:|[<>]=?)\s*([\d.]+)(px|r?em)\s*\)/i;
const MIRRORED = /\(\s*([\d.]+)(px|r?em)\s*([<>]=?)\s*width\s*\)/i;
const MIRROR: Record<string, string> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" };
const ALWAYS =
  /\(\s*(?:color|prefers-color-scheme\s*:\s*light|min-resolution\s*:.*|(?:any-)?hover.*)\s*\)/i;

/** Does a media query hold? What is not known here (`print`, `dark`, any other feature) does not. */
export function matchesMedia(list: string, width: Width): boolean {
  return list.split(",").some((query) => {
    const [, not, rest] = query.trim().match(/^(?:(not)\s+|only\s+)?(.*)$/is)!;
    const holds = rest.split(/\s+and\s+/i).map((part) => isTrue(part.trim(), width));
    return not
      ? holds.includes(false) && !holds.includes(null)
      : holds.every((one) => one === true);
  });
}

/** Null where it is not known. */
function isTrue(condition: string, width: Width): boolean | null {
  if (/^(?:|all|screen)$/i.test(condition) || ALWAYS.test(condition)) return true;
  if (/^print$/i.test(condition)) return false;
  const [, bound, colon, number, unit] = condition.replace(
    MIRRORED,
    (_, number, unit, sign) => `(width ${MIRROR[sign]} ${number}${unit})`,
  ).match(FEATURE) ?? [];
  if (!number) return null;
  const px = Number(number) * (unit.toLowerCase() === "px" ? 1 : 16);
  const sign = colon === ":" ? { min: ">=", max: "<=" }[bound?.toLowerCase() ?? ""] : colon;
  if (sign === ">=") return width >= px;
  if (sign === "<=") return width <= px;
  return sign === ">" ? width > px : sign === "<" ? width < px : null;
}
