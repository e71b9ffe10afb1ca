/** The page's address, in components. */
import { useSyncExternalStore } from "react";

import { type Address, format, parse } from "./address";

let [fragment, address] = [location.hash, parse(location.hash)];
const watchers = new Set<() => void>();

window.addEventListener("hashchange", tell);
window.addEventListener("popstate", tell);

function tell(): void {
  watchers.forEach((each) => each());
}

/** Return what the URL says now. */
export function here(): Address {
  if (location.hash !== fragment) [fragment, address] = [location.hash, parse(location.hash)];
  return address;
}

export function useAddress(): Address {
  return useSyncExternalStore(subscribe, here);
}

/** Go where the URL is another in these, in another conversation to where it opens; `replace` leaves no step for the back button. */
export function go(changes: Partial<Address>, { replace = false } = {}): void {
  const place = "conversation" in changes ? { at: null } : {};
  const next = format({ ...here(), ...place, ...changes });
  if (next === format(here())) return;
  if (replace) history.replaceState(null, "", next);
  else history.pushState(null, "", next);
  tell();
}

function subscribe(onChange: () => void): () => void {
  watchers.add(onChange);
  return () => watchers.delete(onChange);
}
