import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

/**
 * `npm run bench:simulation [-- --steps 1000000 --seed 7 --cores 4]`: the transitions on a store in memory,
 * driven through so many steps on all cores (docs/reliability.md). Prints what was met. Exit 1 when a rule was
 * broken, with its seed and the shortest story that breaks it, or, from 500,000 steps on, when a legal
 * move was never taken.
 *
 * It is bundled first: the test runner, which would be loaded once a core, makes each call of a
 * function of another module slower.
 */
const folder = mkdtempSync(join(tmpdir(), "deputy-simulation-"));
const file = join(folder, "simulation.mjs");
const made = await rolldown({
  input: resolve(import.meta.dirname, "../test/simulation/simulation.bench.ts"),
  platform: "node",
  logLevel: "silent",
  treeshake: { moduleSideEffects: false }, // the database and the test runner, which nothing here calls
});
await made.write({ file, format: "esm", sourcemap: "inline", codeSplitting: false });
await made.close();
process.on("exit", () => rmSync(folder, { recursive: true }));
await import(pathToFileURL(file).href);
