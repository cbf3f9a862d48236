import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { vitestInSource } from "./bases-js.ts";
import {
  nodeEnvFile,
  nodeGolden,
  nodeImports,
  nodeInline,
  nodeTest,
  plainScript,
} from "./bases-node.ts";
import { junit, pytest, pytestTable, unittest } from "./bases-python.ts";
import type { Base, Case } from "./case.ts";
import { cases, groupByBase } from "./cases.ts";
import { Bench, findMissing } from "./corpus.ts";
import { describeRow, publish, type Row } from "./report.ts";

/**
 * A part of the corpus that shows each class of cheat and of honest work, in the runners that start
 * quickly. The whole is `npm run bench:proof`.
 */
const rows: Row[] = [];
/** Those that start quickly. */
const projects: readonly Base[] = [
  ...[nodeTest, nodeGolden, nodeImports, nodeInline, nodeEnvFile, plainScript],
  ...[pytest, pytestTable, unittest, junit, vitestInSource],
];
/** Of each project and class one, of honest work two. */
const chosen = cases
  .filter(({ base, quick }) => quick && projects.includes(base))
  .filter((each, index, all) => {
    const alike = (other: Case) => other.base === each.base && other.class === each.class;
    return all.slice(0, index).filter(alike).length < (each.class === "honest" ? 2 : 1);
  });
afterAll(() => publish(rows));

describe("corpus", () => {
  for (const [base, own] of groupByBase(chosen)) {
    describe.skipIf(findMissing(base).length > 0)(base.name, () => {
      let bench: Bench;
      beforeAll(async () => {
        bench = await Bench.open(base, new Map(own.map(({ change, name }) => [name, change])));
      });
      afterAll(() => bench.close());

      test.concurrent.each(own)("$class: $name", async (about) => {
        const judged = await bench.judge(about);
        const row = describeRow(about, null, judged);
        rows.push(row);
        expect(row, row.summary).toMatchObject({ isRight: true });
      });
    });
  }
});
