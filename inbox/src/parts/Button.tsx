/** Something to press. */
import type { ButtonHTMLAttributes } from "react";

import css from "./Button.module.css";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "main" | "plain" | "alert" | "icon";
}

export function Button({ look = "plain", className = "", ...props }: Props) {
  return (
    <button type="button" {...props} className={`${css["button"]} ${css[look]} ${className}`} />
  );
}
