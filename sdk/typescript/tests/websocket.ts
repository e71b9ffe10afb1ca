/** Gives Node 20 the WebSocket that browsers and newer Nodes have. */
import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket as never;
