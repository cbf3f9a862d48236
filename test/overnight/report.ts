import type { End, Observed } from "./fault.ts";
import { findFlaws } from "./judge.ts";
import type { Happened } from "./mix.ts";
import { tellShare, tellTimes } from "./stats.ts";
import type { Usage } from "./world.ts";

/** The sums, the table of the faults alone, and the nights, in Markdown. */
export type Night = { seed: number; minutes: number; happened: Happened[]; observed: Observed };

export type Run = {
  alone: readonly Observed[];
  /** How often each fault was tried alone. */
  repeat: number;
  nights: readonly Night[];
  /** What cannot be tried here, with the reason. */
  untried: readonly string[];
};

const ends: End[] = ["verified", "asks", "failed", "wrong", "lost"];

export function writeReport({ alone, nights, repeat, untried }: Run): string {
  return [
    ...writeSums(alone, nights, repeat),
    "",
    ...writeTable(alone),
    "",
    ...(untried.length > 0 ? [`Not tried on this machine: ${untried.join("; ")}.`, ""] : []),
    ...nights.flatMap(describeNight),
  ].join("\n");
}

function writeSums(alone: readonly Observed[], nights: readonly Night[], repeat: number): string[] {
  const atNight = nights.map(({ observed }) => observed);
  const faults = groupByFault(alone);
  const everyTime = faults.filter((runs) => runs.every(isRight)).length;
  const right = alone.filter(isRight).length;
  const rows: [string, (seen: readonly Observed[]) => string][] = [
    ["faults that fired", (seen) => String(seen.filter(({ fired }) => fired !== null).length)],
    [`tasks: ${ends.join(" / ")}`, tellEnds],
    ["done or pushed twice", (seen) => String(seen.flatMap((one) => one.duplicates).length)],
    ["healthy work stopped", (seen) => String(seen.flatMap((one) => one.healthyStopped).length)],
    ["processes left behind", (seen) => String(seen.flatMap((one) => one.leftovers).length)],
    ["work made again: its commits were gone", (seen) => String(sum(seen, "lostWork"))],
    [
      "from the daemon's answer to the next progress",
      (seen) => tellTimes(seen.flatMap((one) => one.recoveryMs)),
    ],
    [
      "from the start of its program to that progress",
      (seen) => tellTimes(seen.flatMap((one) => one.sinceStartMs)),
    ],
    ["kills while a reply was on its way", (seen) => tellKills(seen, true)],
    ["kills between replies", (seen) => tellKills(seen, false)],
    [
      "most paid turns that one kill repeated (allowed: 1)",
      (seen) => String(Math.max(0, ...killsOf(seen).map(({ repeated }) => repeated))),
    ],
    ["paid turns repeated by all faults", (seen) => String(sum(seen, "repeatedTurns"))],
  ];
  return [
    "| | each fault alone | nights |",
    "| --- | --- | --- |",
    ...rows.map(([name, tell]) => `| ${name} | ${tell(alone)} | ${tell(atNight)} |`),
    "",
    `Ended as it had to: ${tellShare(right, alone.length)} of the runs of one fault, and ` +
      `${tellShare(everyTime, faults.length)} of the faults all ${repeat} times (pass^${repeat}). In ` +
      "brackets: Wilson's score interval at 95 %.",
  ];
}

function writeTable(alone: readonly Observed[]): string[] {
  const rows = groupByFault(alone).map((runs) => {
    const [first] = runs as [Observed];
    const times = runs.flatMap(({ recoveryMs }) => recoveryMs);
    return [
      ...[first.layer, `${first.fault}: ${first.what}`, first.fired ?? "NOT FIRED"],
      ...[tellEnds(runs), tellShare(runs.filter(isRight).length, runs.length)],
      times.length > 0 ? `${Math.max(...times)} ms` : "",
      String(sum(runs, "repeatedTurns")),
    ].map(cell);
  });
  return [
    `| layer | fault | how it was seen to fire | ${ends.join(" / ")} | ended as it had to | back to progress | paid turns repeated |`,
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ];
}

export function describeNight({ happened, minutes, observed, seed }: Night): string[] {
  const kinds = [...new Set(happened.map(({ what }) => what))].map(
    (kind) => `${happened.filter(({ what }) => what === kind).length} × ${kind}`,
  );
  const { end, start } = observed;
  const beside = (key: keyof Usage) => `${start[key]} and ${end[key]}`;
  const flaws = findFlaws(observed);
  return [
    `### Seed ${seed}: ${minutes} minutes, ${Object.keys(observed.ends).length} tasks, ${happened.length} faults`,
    "",
    `- Faults: ${kinds.join(", ")}.`,
    `- Tasks, ${ends.join(" / ")}: ${tellEnds([observed])}.`,
    `- From the daemon's answer to the next progress: ${tellTimes(observed.recoveryMs)} starts.`,
    `- The daemon at its start and at the end: ${beside("rssMb")} MB of memory, ${beside("descriptors")} file descriptors, ${beside("worktrees")} worktrees, ${beside("megabytes")} MB in its folder.`,
    `- Flaws: ${flaws.length > 0 ? flaws.join("; ") : "none"}.`,
    "",
  ];
}

const isRight = (seen: Observed) => findFlaws(seen).length === 0;

function groupByFault(alone: readonly Observed[]): Observed[][] {
  const names = [...new Set(alone.map(({ fault }) => fault))];
  const groups = names.map((name) => alone.filter(({ fault }) => fault === name));
  return groups.toSorted(([a], [b]) => `${a?.layer}`.localeCompare(`${b?.layer}`));
}

function tellEnds(seen: readonly Observed[]): string {
  const all = seen.flatMap((one) => Object.values(one.ends));
  return ends.map((end) => all.filter((one) => one === end).length).join(" / ");
}

const killsOf = (seen: readonly Observed[]) => seen.flatMap(({ kills }) => kills);

function tellKills(seen: readonly Observed[], open: boolean): string {
  const kills = killsOf(seen).filter((kill) => kill.open === open);
  const repeated = kills.reduce((total, kill) => total + kill.repeated, 0);
  return `${kills.length}, ${repeated} paid turns repeated`;
}

function sum(seen: readonly Observed[], key: "lostWork" | "repeatedTurns"): number {
  return seen.reduce((total, one) => total + one[key], 0);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
