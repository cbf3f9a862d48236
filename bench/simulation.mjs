import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

/**
 * `npm run bench:simulation [-- --steps 1000000 --seed 7]`: the transitions on a store in memory, driven
 * through so many steps (docs/reliability.md). Prints what was met. Exit 1 when a rule was broken, with the
 * shortest story that breaks it, or, from 500,000 steps on, when a legal move was never taken.
 */
const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
  },
});
const report = join(mkdtempSync(join(tmpdir(), "deputy-simulation-")), "report.txt");
const { status } = spawnSync("npx", ["vitest", "run", "--config", "vitest.simulation.config.ts"], {
  stdio: "inherit",
  env: {
    ...process.env,
    DEPUTY_SIMULATION_REPORT: report,
    DEPUTY_SIMULATION_SEED: values.seed,
    DEPUTY_SIMULATION_STEPS: values.steps,
  },
});
if (existsSync(report)) console.log(readFileSync(report, "utf8"));
process.exit(status ?? 1);
