/** Builds `dist`, and serves the sources while they are worked on. */
import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const sdk = (path: string) =>
  fileURLToPath(new URL(`../sdk/typescript/src/${path}`, import.meta.url));

export default defineConfig({
  base: "./", // it works under any path
  plugins: [react()],
  resolve: {
    alias: [
      { find: "romashka/react", replacement: sdk("react/index.ts") },
      { find: /^romashka$/, replacement: sdk("index.ts") },
    ],
  },
  build: { manifest: true, target: "es2022", modulePreload: { polyfill: false } },
});
