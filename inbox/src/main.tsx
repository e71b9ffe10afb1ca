/** Puts the inbox on the page. */
import { createRoot } from "react-dom/client";

createRoot(document.getElementById("root")!).render(<h1>Romashka</h1>);
