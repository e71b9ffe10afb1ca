/** Hooks in a component that is mounted, for whoever tests them. */
import { equal } from "node:assert/strict";

import { StrictMode, useEffect, useReducer, version } from "react";
import type { Client } from "romashka";
import { RomashkaProvider } from "romashka/react";

import { mount } from "./dom.js";
import { until } from "./project.js";

const OTHER = /tests\/(react18|preact)\/build/; // Preact says that it is React 18
equal(version.split(".")[0], OTHER.test(import.meta.url) ? "18" : "19");

/** Render a hook in StrictMode; `latest` is what it gave last, `all` what it gave; `again` renders it once more. */
export async function use<Result>(client: Client, hook: () => Result) {
  const seen = { latest: undefined as unknown as Result, all: [] as Result[], again: () => {} };
  let isMounted = false; // React may render, and throw that away
  function Component() {
    seen.again = useReducer((count: number) => count + 1, 0)[1];
    seen.latest = hook();
    seen.all.push(seen.latest);
    useEffect(() => void (isMounted = true), []);
    return null;
  }
  const unmount = await mount(
    <StrictMode>
      <RomashkaProvider client={client}>
        <Component />
      </RomashkaProvider>
    </StrictMode>,
  );
  await until(() => isMounted);
  return Object.assign(seen, { unmount });
}

export const texts = (messages: { content: string }[]) => messages.map(({ content }) => content);
