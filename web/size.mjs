// The page's promise: at most 150 KB on the wire, all files together, compressed as gzip does.
import { readdirSync, readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const LIMIT_BYTES = 150_000;
const files = readdirSync("dist").filter((name) => !name.endsWith(".txt"));
const sizes = files.map((name) => {
  const content = readFileSync(`dist/${name}`);
  return { name, gzip: gzipSync(content).length, brotli: brotliCompressSync(content).length };
});
const total = sizes.reduce((sum, file) => sum + file.gzip, 0);
for (const { name, gzip, brotli } of sizes) console.log(`${name} ${gzip} gzip, ${brotli} brotli`);
console.log(`together ${total} of ${LIMIT_BYTES} bytes`);
if (total > LIMIT_BYTES) process.exit(1);
