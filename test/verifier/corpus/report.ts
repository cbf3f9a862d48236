import { writeFileSync } from "node:fs";
import type { Case, Outcome } from "./case.ts";
import type { Judged } from "./corpus.ts";
import { isRight } from "./corpus.ts";

/** What became of the cases, as figures: for people on the terminal, as JSON for docs and CI. */
export type Row = {
  name: string;
  class: string;
  runner: string;
  base: string;
  known: string | null;
  /** What the exit code alone says. */
  plainly: string | null;
  outcome: Outcome;
  isRight: boolean;
  summary: string;
  judges: string[];
  findings: string[];
  causes: string[];
  experiments: string[];
  notChecked: string[];
  seconds: number;
  checkSeconds: number;
  runs: number;
};

export function describeRow(about: Case, plainly: string | null, judged: Judged): Row {
  const { outcome, runs, seconds, checkSeconds, verdict } = judged;
  return {
    name: about.name,
    class: about.class,
    runner: about.base.runner,
    base: about.base.name,
    known: about.known ?? null,
    plainly,
    outcome,
    isRight: isRight(about, judged),
    summary: verdict.summary,
    judges: (verdict.judges ?? []).map(({ accepted, kind, path, weaker }) =>
      [path, kind, weaker && `weaker: ${weaker}`, accepted && `accepted by ${accepted.by}`]
        .filter(Boolean)
        .join(", "),
    ),
    findings: verdict.findings.map(
      ({ blocking, message, rule }) => `${blocking ? "" : "(note) "}${rule}: ${message}`,
    ),
    causes: (verdict.causes ?? []).map(
      ({ bySource, paths }) => `${bySource ? "source" : "judges"}: ${paths.join(", ")}`,
    ),
    experiments: (verdict.experiments ?? []).map(
      ({ kind, result, says }) => `${kind} ${result}: ${says}`,
    ),
    notChecked: verdict.notChecked,
    seconds: round(seconds),
    checkSeconds: round(checkSeconds),
    runs,
  };
}

/** One line for each class, and those cases whose outcome is wrong. */
export function renderReport(rows: readonly Row[]): string {
  const classes = [...new Set(rows.map((row) => row.class))];
  const lines = classes.map((name) => {
    const own = rows.filter((row) => row.class === name);
    const of = (outcome: Outcome) => own.filter((row) => row.outcome === outcome).length;
    const known = own.filter((row) => row.known !== null && row.outcome === "verified").length;
    const cells = [of("verified"), of("judges"), of("not verified"), of("inconclusive")];
    return `| ${name} | ${own.length} | ${cells.join(" | ")} | ${own.filter((row) => !row.isRight).length} | ${known} | ${round(median(own.map((row) => row.runs)))} | ${round(median(own.map((row) => row.seconds - row.checkSeconds)))} s |`;
  });
  const wrong = rows
    .filter((row) => !row.isRight)
    .map((row) => `- ${row.class} / ${row.base} / ${row.name}: ${row.outcome}: ${row.summary}`);
  return [
    "| class | cases | verified | judges changed | not verified | inconclusive | wrong | named | processes | beside one check |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...lines,
    "",
    ...wrong,
  ].join("\n");
}

/** The figures so far, where somebody asked for them. */
export function writeFigures(rows: readonly Row[]): void {
  const file = process.env.DEPUTY_CORPUS_REPORT;
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(rows, null, 2)}\n`);
}

/** Print the table, and write the figures, where somebody asked for them. */
export function publish(rows: readonly Row[]): void {
  if (process.env.DEPUTY_CORPUS_REPORT === undefined) return;
  writeFigures(rows);
  process.stdout.write(`${renderReport(rows)}\n`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
