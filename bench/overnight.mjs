import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

/**
 * `npm run bench:overnight [-- --minutes 60 --nights 3 --seed 7 --only PATTERN --docs]`: each fault of a
 * night alone against the real program, then nights of random faults over a long queue. Prints what became
 * of the tasks; with --docs it writes that into docs/reliability.md, too. Exit 1 when something was lost,
 * wrong, done twice or stopped for nothing, or when a fault did not fire.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    nights: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string", default: "" },
    docs: { type: "boolean", default: false },
  },
});
const report = join(mkdtempSync(join(tmpdir(), "deputy-overnight-")), "report.json");
const { status } = spawnSync("npx", ["vitest", "run", "--config", "vitest.overnight.config.ts"], {
  stdio: "inherit",
  env: {
    ...process.env,
    DEPUTY_OVERNIGHT_REPORT: report,
    DEPUTY_OVERNIGHT_MINUTES: values.minutes,
    DEPUTY_OVERNIGHT_NIGHTS: values.nights,
    DEPUTY_OVERNIGHT_SEED: values.seed,
    DEPUTY_OVERNIGHT_ONLY: values.only,
  },
});
const told = readFileSync(`${report}.md`, "utf8");
console.log(`${told}\nAs JSON: ${report}`);
if (values.docs) {
  const path = new URL("../docs/reliability.md", import.meta.url);
  const mark = "<!-- written by npm run bench:overnight -- --docs -->";
  const [above] = readFileSync(path, "utf8").split(mark);
  writeFileSync(path, `${above}${mark}\n\n${told.trim()}\n`);
}
process.exit(status ?? 1);
