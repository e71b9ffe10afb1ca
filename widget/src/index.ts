/** The widget for who bundles it: the window is a chunk of its own, and loaded on intent. */
import { createWidget as create } from "./launcher/launcher";
import type { Options, Widget } from "./launcher/widget";

/** Put the widget on the page. */
export const createWidget = (options: Options): Widget => create(options, () => import("./window"));
