/** Whom it is about: their first letters, on a colour of their own. */
import css from "./Avatar.module.css";

const TONES = 6;

export function Avatar({ name, size = "m" }: { name: string; size?: "s" | "m" | "l" }) {
  return (
    <span
      className={`${css["avatar"]} ${css[size]} ${css[`tone${toneOf(name)}`]}`}
      aria-hidden="true"
    >
      {lettersOf(name)}
    </span>
  );
}

function lettersOf(name: string): string {
  const words = name
    .replace(/@.*/, "")
    .split(/[\s._-]+/)
    .filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const [first = "", last = ""] = [words[0], words.length > 1 ? words.at(-1) : ""];
  return ([...first][0] ?? "?").toUpperCase() + ([...last][0] ?? "").toUpperCase();
}

function toneOf(name: string): number {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)!) % 9973;
  return sum % TONES;
}
