/** What who bundles the widget is told of it. */
import type { Options, Widget } from "./launcher/widget";

export type { Events, Options, Who, Widget } from "./launcher/widget";

/** Put the widget on the page. */
export declare const createWidget: (options: Options) => Widget;
