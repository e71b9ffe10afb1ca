/** A key, as it is on the keyboard. */
import css from "./Key.module.css";
import { named } from "./keys";

export function Key({ name }: { name: string }) {
  return (
    <span className={css["keys"]} dir="ltr">
      {named(name).map((each) => (
        <kbd key={each}>{each}</kbd>
      ))}
    </span>
  );
}
