/** A page, or a pane, that has something to say instead of something to show. */
import type { ReactNode } from "react";

import css from "./Notice.module.css";

interface Props {
  title: string;
  text?: ReactNode;
  icon?: ReactNode;
  /** It says that something went wrong. */
  isAlert?: boolean;
  children?: ReactNode;
}

export function Notice({ title, text, icon, isAlert = false, children }: Props) {
  return (
    <div className={css["notice"]} role={isAlert ? "alert" : undefined}>
      {icon && <div className={css["icon"]}>{icon}</div>}
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {children}
    </div>
  );
}
