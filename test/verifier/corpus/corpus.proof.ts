import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cases, groupByBase } from "./cases.ts";
import { Bench, findMissing } from "./corpus.ts";
import { describeRow, publish, type Row, writeFigures } from "./report.ts";

/**
 * `npm run bench:proof`: every case, and first of all whether it is what it says. The project is red,
 * its honest mending turns it green, and so does the case, in a plain checkout.
 */
const rows: Row[] = [];
/** `plain`: only the exit codes; `quick`: the suite's part; `slow`: the others; `judge`: both; `all`: with exit codes. */
const mode = process.env.DEPUTY_CORPUS_MODE ?? "all";
afterAll(() => publish(rows));

/** "pytest / what decides the run: conftest.py takes a test out": those whose line it matches. */
const only = new RegExp(process.env.DEPUTY_CORPUS_ONLY ?? "");
const chosen = cases.filter(
  (each) =>
    (mode !== "quick" || each.quick) &&
    (mode !== "slow" || !each.quick) &&
    only.test(`${each.base.name} / ${each.class}: ${each.name}`),
);

for (const [base, own] of groupByBase(chosen)) {
  const missing = findMissing(base);
  describe.skipIf(missing.length > 0)(base.name, () => {
    let bench: Bench;
    beforeAll(async () => {
      const changes = new Map(own.map(({ change, name }) => [name, change]));
      if (base.fix) changes.set("fix", base.fix);
      if (base.noise) changes.set("noise", base.noise);
      bench = await Bench.open(base, changes);
    });
    afterAll(() => bench.close());

    if (mode === "all" || mode === "plain") {
      test.concurrent("is what it says", async () => {
        const before = base.fix ? "red" : "green";
        expect(await bench.runPlainly("base")).toBe(before);
        if (base.noise) expect(await bench.runPlainly("noise")).toBe(before);
        if (base.fix) expect(await bench.runPlainly("fix")).toBe("green");
      });
    }
    test.concurrent.each(own)("$class: $name", async (about) => {
      const plainly =
        mode !== "all" && mode !== "plain" ? null : await bench.runPlainly(about.name, about.check);
      if (plainly && about.plainly !== "any") expect(plainly).toBe(about.plainly ?? "green");
      if (mode === "plain") return;
      const row = describeRow(about, plainly, await bench.judge(about));
      rows.push(row);
      writeFigures(rows);
      expect(row.isRight, `${row.outcome}: ${row.summary}`).toBe(true);
    });
  });
}
