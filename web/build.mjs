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
  legalComments: "linked", // the licences of what is bundled, beside it
  logLevel: "warning",
});
await cp("static", "dist", { recursive: true });
