/** A field of a form, with its name above it and a hint below. */
import { type ReactNode, useId } from "react";

import css from "./Field.module.css";

interface Props {
  label: string;
  hint?: ReactNode;
  children: (id: string) => ReactNode;
}

export function Field({ label, hint, children }: Props) {
  const id = useId();
  return (
    <div className={css["field"]}>
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {hint && <p className={css["hint"]}>{hint}</p>}
    </div>
  );
}

/** What went wrong with a form. */
export function Wrong({ text }: { text: string | null }) {
  return text ? (
    <p className={css["wrong"]} role="alert">
      {text}
    </p>
  ) : null;
}

/** A row of buttons at a form's end. */
export function Ways({ children }: { children: ReactNode }) {
  return <div className={css["ways"]}>{children}</div>;
}
