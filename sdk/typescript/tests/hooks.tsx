/** Hooks in a component that is mounted, for whoever tests them. */
import { equal } from "node:assert/strict";

import { StrictMode, useEffect, useState, version } from "react";
import type { Client } from "romashka";
import { RomashkaProvider } from "romashka/react";

import { mount } from "./dom.js";
import { until } from "./project.js";

const OTHER = /tests\/(react18|preact)\/build/; // Preact says that it is React 18
equal(version.split(".")[0], OTHER.test(import.meta.url) ? "18" : "19");

/**
 * Render a hook in StrictMode; `latest` is what it gave last, `all` what it gave; `give` renders it with something else.
 *
 * What it is given is React's state: a variable that changes beside React can change in a render whose state did not,
 * and of such a one React drops the effects.
 */
export async function use<Result, Given = undefined>(
  client: Client,
  hook: (given: Given) => Result,
  first?: Given,
) {
  const seen = {
    latest: undefined as unknown as Result,
    all: [] as Result[],
    give: (_: Given) => {},
  };
  let isMounted = false; // React may render, and throw that away
  function Component() {
    const [given, give] = useState(() => first as Given);
    seen.give = (next) => give(() => next);
    seen.latest = hook(given);
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
