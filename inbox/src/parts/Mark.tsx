/** Romashka's flower: eight petals around a yellow heart. */
import css from "./Mark.module.css";

const PETALS = [0, 45, 90, 135, 180, 225, 270, 315];

export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg className={css["mark"]} width={size} height={size} viewBox="0 0 48 48" aria-hidden="true">
      {PETALS.map((turn) => (
        <ellipse key={turn} cx="24" cy="11" rx="6" ry="10" transform={`rotate(${turn} 24 24)`} />
      ))}
      <circle cx="24" cy="24" r="8" />
    </svg>
  );
}
