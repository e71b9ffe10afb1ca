/** The client that the hooks below it use. */
import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";

import type { Client } from "../client.js";
import type { Romashka } from "../romashka.js";

const Context = createContext<Client | null>(null);

/**
 * Give a client to all hooks of `romashka/react` below.
 *
 * @example
 * ```tsx
 * const client = new Romashka(createClient(url, anonKey));
 * root.render(<RomashkaProvider client={client}><Inbox /></RomashkaProvider>);
 * ```
 */
export function RomashkaProvider(props: { client: Client; children?: ReactNode }): ReactElement {
  return createElement(Context.Provider, { value: props.client }, props.children);
}

/** Return the client of the nearest {@link RomashkaProvider}. */
export function useClient(): Client {
  const client = useContext(Context);
  if (!client) throw new Error("there is no client; put <RomashkaProvider client={…}> above");
  return client;
}

/** Return the same, where it is around a whole supabase-js. */
export function useRomashka(): Romashka {
  return useClient() as Romashka;
}
