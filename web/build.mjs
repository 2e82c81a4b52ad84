// Bundle the page into dist/, which the wheel's build copies into the package.
import { cp, mkdir, rm } from "node:fs/promises";
import { build } from "esbuild";

await rm("dist", { recursive: true, force: true });
await mkdir("dist");
await build({
  entryPoints: { page: "src/main.ts" },
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  minify: true,
  logLevel: "warning",
});
await cp("static", "dist", { recursive: true });
// Its licence asks to be with every copy of it.
await cp("node_modules/uplot/LICENSE", "dist/uplot-license.txt");
