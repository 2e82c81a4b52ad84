// Bundle the page into dist/, which the wheel's build copies into the package.

import { cp, mkdir, rm } from "node:fs/promises";
import { build } from "esbuild";

await rm("dist", { recursive: true, force: true });
await mkdir("dist");
await cp("index.html", "dist/index.html");
await build({
  entryPoints: { page: "src/main.ts" },
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: false,
});
