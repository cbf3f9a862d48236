import type { End, Observed } from "./fault.ts";
import type { Happened } from "./mix.ts";

/** The table of the faults alone, and the sums of the nights, in Markdown. */
export type Night = { seed: number; minutes: number; happened: Happened[]; observed: Observed };

const ends: End[] = ["verified", "asks", "failed", "wrong", "lost"];

export function writeReport(alone: readonly Observed[], nights: readonly Night[]): string {
  const rows = [...alone]
    .sort((left, right) => left.layer.localeCompare(right.layer))
    .map((each) => {
      const count = (end: End) => Object.values(each.ends).filter((one) => one === end).length;
      return [
        ...[each.layer, `${each.fault}: ${each.what}`, each.fired ?? "NOT FIRED"],
        ends.map((end) => count(end)).join(" / "),
        each.recoveryMs.length > 0 ? `${Math.max(...each.recoveryMs)} ms` : "",
        each.repeatedTurns === null ? "" : String(each.repeatedTurns),
      ].map(cell);
    });
  return [
    "| layer | fault | how it was seen to fire | verified / asks / failed / wrong / lost | back to progress | paid turns repeated |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
    "",
    ...nights.flatMap(describeNight),
  ].join("\n");
}

export function describeNight({ happened, minutes, observed, seed }: Night): string[] {
  const count = (end: End) => Object.values(observed.ends).filter((one) => one === end).length;
  const kinds = [...new Set(happened.map(({ what }) => what))].map(
    (kind) => `${happened.filter(({ what }) => what === kind).length} × ${kind}`,
  );
  const { descriptors, recoveryMs, rssMb } = observed;
  const sorted = [...recoveryMs].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return [
    `### Seed ${seed}: ${minutes} minutes, ${Object.keys(observed.ends).length} tasks, ${happened.length} faults`,
    "",
    `- Faults: ${kinds.join(", ")}.`,
    `- Tasks: ${ends.map((end) => `${count(end)} ${end}`).join(", ")}.`,
    `- Done or pushed twice: ${observed.duplicates.length}; healthy work stopped: ${observed.healthyStopped.length}; left behind: ${observed.leftovers.length}.`,
    ...(sorted.length > 0
      ? [
          `- From the daemon's answer to the next progress, ${sorted.length} starts: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, at most ${sorted.at(-1)} ms.`,
        ]
      : []),
    `- Paid turns repeated: ${observed.repeatedTurns}.`,
    `- The daemon at its start and at the end: ${rssMb.start} and ${rssMb.end} MB, ${descriptors.start} and ${descriptors.end} file descriptors.`,
    "",
  ];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
