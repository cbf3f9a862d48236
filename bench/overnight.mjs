import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

/**
 * `npm run bench:overnight [-- --minutes 60 --nights 3 --seed 7 --only PATTERN --docs]`: each fault of a
 * night alone against the real program, then nights of random faults over a long queue. Prints what became
 * of the tasks; with --docs it writes that into docs/reliability.md, too. Exit 1 when something was lost,
 * wrong, done twice or stopped for nothing, or when a fault did not fire.
 *
 * `--repeat 5` tries each fault five times, and `--system FILE` another system (docs/reliability.md).
 * `--defects [--tasks 20]` runs the defect curve instead: how much broken work each gate lets through.
 * `--short` is what CI runs: some of each kind, and fifteen seconds of a night, always with the same seed.
 */
const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    defects: { type: "boolean", default: false },
    tasks: { type: "string", default: "20" },
    minutes: { type: "string" },
    repeat: { type: "string", default: "1" },
    system: { type: "string", default: "" },
    nights: { type: "string", default: "1" },
    seed: { type: "string" },
    only: { type: "string", default: "" },
    docs: { type: "boolean", default: false },
  },
});
if (values.docs && (values.short || values.only)) {
  console.error("--docs writes the table of the whole run: leave out --short and --only.");
  process.exit(2);
}
const minutes = values.minutes ?? (values.short ? "0.25" : "1");
const seed = values.seed ?? (values.short ? "7" : String(Date.now() % 1_000_000));
console.log(`Seed ${seed}: the same faults in the same order with --seed ${seed}.`);
const report = join(mkdtempSync(join(tmpdir(), "deputy-overnight-")), "report.json");
const bench = values.defects ? "defects.bench.ts" : "overnight.bench.ts";
const argv = ["vitest", "run", "--config", "vitest.overnight.config.ts", bench];
const { status } = spawnSync("npx", argv, {
  stdio: "inherit",
  env: {
    ...process.env,
    DEPUTY_OVERNIGHT_REPORT: report,
    DEPUTY_OVERNIGHT_SHORT: values.short ? "1" : "",
    DEPUTY_OVERNIGHT_MINUTES: minutes,
    DEPUTY_OVERNIGHT_NIGHTS: values.nights,
    DEPUTY_OVERNIGHT_SEED: seed,
    DEPUTY_OVERNIGHT_ONLY: values.only,
    DEPUTY_DEFECTS_TASKS: values.tasks,
    DEPUTY_OVERNIGHT_REPEAT: values.repeat,
    DEPUTY_OVERNIGHT_SYSTEM: values.system && resolve(values.system),
  },
});
const told = readFileSync(`${report}.md`, "utf8");
console.log(`${told}\nAs JSON: ${report}`);
if (values.docs) {
  const end = "<!-- end -->";
  const path = new URL("../docs/reliability.md", import.meta.url);
  const mark = `<!-- written by npm run bench:overnight -- ${values.defects ? "--defects " : ""}--docs -->`;
  const [above, rest] = readFileSync(path, "utf8").split(mark);
  const below = rest.slice(rest.indexOf(end));
  writeFileSync(path, `${above}${mark}\n\n${told.trim()}\n\n${below}`);
}
process.exit(status ?? 1);
