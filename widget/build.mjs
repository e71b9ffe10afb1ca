// Builds `dist`: the launcher as a script for any page, the window that it loads, a file a language, and the package.
import { createHash } from "node:crypto";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { browserslistToTargets, transform } from "lightningcss";
import { rolldown } from "rolldown";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const { values } = parseArgs({ options: { outDir: { type: "string", default: path("dist") } } });
const { outDir } = values;

const SDK = {
  "romashka/parts": path("../sdk/typescript/src/parts.ts"),
  romashka: path("../sdk/typescript/src/index.ts"),
};
const TARGETS = browserslistToTargets(["chrome 109", "firefox 115", "safari 16.4"]);

/** A style sheet is a string: it is adopted by the shadow root, and no style of the page's. */
const styles = {
  name: "styles",
  async load(id) {
    if (!id.endsWith(".css")) return null;
    const { code } = transform({
      filename: id,
      code: await readFile(id),
      minify: true,
      targets: TARGETS,
    });
    return { code: `export default ${JSON.stringify(String(code))}`, moduleType: "js" };
  },
};

/** Realtime's client knows tables' changes, and runtimes without sockets. Ours listens to no tables, in browsers. */
const LEFT_OUT = {
  "/RealtimePostgresFilterBuilder.js": () =>
    "export class RealtimePostgresFilterBuilder {} export const postgresChangesFilter = null;",
  "/lib/transformers.js": (code) =>
    code.replace(/^.*(?=export const httpEndpointURL)/s, "export const convertChangeData = null; "),
  "/lib/websocket-factory.js": () =>
    "export default class { static getWebSocketConstructor() { return WebSocket; } }",
};
const leftOut = {
  name: "left-out",
  transform(code, id) {
    const [file] = Object.keys(LEFT_OUT).filter((each) =>
      id.endsWith(`/realtime-js/dist/module${each}`),
    );
    return file ? LEFT_OUT[file](code) : null;
  },
};

async function bundle(input, define, output) {
  const build = await rolldown({
    input,
    platform: "browser",
    resolve: { alias: SDK },
    // Some old libraries teach arrays a JSON of their own: no part of ours asks theirs.
    transform: { target: "es2022", define, inject: { JSON: [path("src/json.ts"), "safeJson"] } },
    plugins: [styles, leftOut],
    onLog: (level, log) => {
      if (level === "warn") throw new Error(log.message);
    },
  });
  const { output: files } = await build.write({ minify: true, ...output });
  await build.close();
  return files;
}

/** What others wrote of it, with their licenses. */
async function licenses(files) {
  const modules = files.flatMap(({ moduleIds = [] }) => moduleIds);
  const found = modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []);
  const texts = await Promise.all([...new Set(found)].sort().map(licenseOf));
  return `# Licenses\n\n${texts.join("\n\n")}\n`;
}

async function licenseOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`));
  const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
  const text = file ? `\n\n${(await readFile(`${folder}/${file}`, "utf8")).trim()}` : "";
  return `## ${name} ${version} (${license})${text}`;
}

const chunkNames = ({ facadeModuleId }) =>
  facadeModuleId?.includes("/src/strings/") ? "locales/[name]-[hash].js" : "[name]-[hash].js";

await rm(outDir, { recursive: true, force: true });
const files = await bundle(
  { window: path("src/window.tsx") },
  {},
  {
    dir: outDir,
    format: "esm",
    entryFileNames: "romashka-window-[hash].js",
    chunkFileNames: chunkNames,
  },
);
const window = files.find(({ isEntry }) => isEntry);
const sri = (code) => `sha384-${createHash("sha384").update(code).digest("base64")}`;
const known = { WINDOW_FILE: JSON.stringify(window.fileName) };
const [launcher] = await bundle({ "romashka-widget": path("src/launcher/script.ts") }, known, {
  dir: outDir,
  format: "iife",
  entryFileNames: "[name].js",
});
await bundle(
  { index: path("src/index.ts") },
  {},
  {
    dir: `${outDir}/package`,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: chunkNames,
  },
);
await cp(path("demo"), `${outDir}/demo`, { recursive: true });
await writeFile(`${outDir}/license.md`, await licenses(files));
await writeFile(`${outDir}/integrity.txt`, `${sri(launcher.code)}\n`);
