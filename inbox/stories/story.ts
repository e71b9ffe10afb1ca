/** A component in one of its states. */
import type { ComponentType } from "react";

export interface Story {
  name: string;
  /** In pixels; else it is as wide as the page. */
  width?: number;
  height?: number;
  /** It covers the page: it is shown when it is asked for by its name. */
  isAlone?: boolean;
  show: ComponentType;
}
