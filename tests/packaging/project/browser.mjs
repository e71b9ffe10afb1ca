/** Bundles main.ts for browsers, opens the page in Chromium and prints what it says. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const workspace = createRequire(`${process.argv[2]}/package.json`);
const { build } = await import(pathToFileURL(workspace.resolve("vite")));
const { chromium } = workspace("playwright-core");

const built = await build({
  configFile: false,
  logLevel: "warn",
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    write: false,
    minify: false,
    lib: { entry: "main.ts", formats: ["es"] },
    rolldownOptions: {
      onwarn: (warning) => {
        // What a library says of its modules for React's servers, a bundle cannot keep.
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") throw new Error(warning.message);
      },
    },
  },
});
const [{ output }] = [built].flat();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run"],
});
try {
  const page = await browser.newPage();
  const said = await page.evaluate(async (code) => {
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    return (await import(address)).said;
  }, output[0].code);
  console.log(said);
} finally {
  await browser.close();
}
