/** Builds `dist`, and serves the sources while they are worked on. */
import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

import { policy } from "./policy.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** In development `INBOX_CONFIG` is what `config.json` says. */
const config: Plugin = {
  name: "config",
  configureServer(server) {
    server.middlewares.use("/config.json", (_, response, next) => {
      const given = process.env["INBOX_CONFIG"];
      if (!given) return next();
      response.setHeader("content-type", "application/json");
      response.end(given);
    });
  },
};

/** What is built may load and run only what it is made of. */
const strictness: Plugin = {
  name: "strictness",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: policy() },
      injectTo: "head-prepend",
    },
  ],
};

export default defineConfig(({ mode }) => ({
  base: "./", // it works under any path
  plugins: [react(), config, strictness],
  resolve: {
    alias: [
      { find: "romashka/react", replacement: path("../sdk/typescript/src/react/index.ts") },
      { find: /^romashka$/, replacement: path("../sdk/typescript/src/index.ts") },
    ],
  },
  build: {
    license: true,
    manifest: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // light-dark() as it is
    assetsInlineLimit: 0, // nothing is in a data: address
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    ...(mode === "stories" && {
      outDir: "dist-stories",
      rolldownOptions: { input: path("stories.html") },
    }),
  },
}));
