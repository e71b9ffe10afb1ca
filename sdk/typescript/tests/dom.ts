/** A document for React, without a browser. Import it first: React looks for one when it is loaded. */
import { Window } from "happy-dom";
import type { ReactNode } from "react";

const window = new Window();
const { document, navigator } = window;
for (const [name, value] of Object.entries({ window, document, navigator })) {
  Object.defineProperty(globalThis, name, { value, configurable: true }); // Node has a navigator of its own
}

/** Render something; return what takes it away again. */
export async function mount(node: ReactNode): Promise<() => void> {
  const { createRoot } = await import("react-dom/client");
  const root = createRoot(globalThis.document.createElement("div"));
  root.render(node);
  return () => root.unmount();
}
