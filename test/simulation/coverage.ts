import { subtaskMoves, taskMoves } from "../../src/core/task/lifecycle.ts";
import { anywhere, outcomes } from "./outcomes.ts";

/**
 * What a simulation has to meet, and what it met. A legal move that is never taken is either a gap of
 * the simulation or a move that nobody makes; the second kind is listed here, each with the reason.
 * A listed move that is taken fails the run, too: the list says what is so.
 */
const neverTaken: Record<string, string> = {
  "task: queued → failed": "a task fails when it is planned, from planning",
  "task: running → planning": "nothing plans a running task again",
  "subtask: blocked → superseded": "a part is planned further when its turn comes, from running",
  "subtask: ready → superseded": "as above",
  "subtask: recovering → superseded": "as above",
  "subtask: waiting → superseded": "as above",
  "subtask: running → cancelled": "a lease ends with a report, so it is cancelled from recovering",
  "subtask: failed → cancelled": "what is over stays so when its task is cancelled",
};

type Counts = ReadonlyMap<string, number>;

function legalMoves(): string[] {
  const list = (what: string, table: Readonly<Record<string, readonly string[]>>) =>
    Object.entries(table).flatMap(([from, tos]) => tos.map((to) => `${what}: ${from} → ${to}`));
  return [...list("task", taskMoves), ...list("subtask", subtaskMoves)];
}

/** Each outcome by name, in as many situations of its task as it was reported in. */
function findOutcomes(counts: Counts): Map<string, { times: number; situations: number }> {
  const names = Object.entries(outcomes).flatMap(([stage, own]) =>
    [...Object.keys(own), ...Object.keys(anywhere)].map((name) => `${stage} ${name}`),
  );
  const found = new Map(names.map((name) => [name, { times: 0, situations: 0 }]));
  for (const [what, times] of counts) {
    const [, name = ""] = /^reported: (.*) \|/.exec(what) ?? [];
    if (name === "") continue;
    const { situations, times: before } = found.get(name) ?? { times: 0, situations: 0 };
    found.set(name, { times: before + times, situations: situations + 1 });
  }
  return found;
}

/** What should have been met and was not, in sentences. */
export function findGaps(counts: Counts): string[] {
  const moves = legalMoves().flatMap((move) => {
    const isTaken = counts.has(move);
    if (isTaken && neverTaken[move]) return [`${move} was taken, but is listed as never taken`];
    return isTaken || neverTaken[move] ? [] : [`${move} was never taken`];
  });
  const reports = [...findOutcomes(counts)].flatMap(([name, { times }]) =>
    times > 0 ? [] : [`${name} was never reported`],
  );
  return [...moves, ...reports];
}

/** The same for people, with numbers. */
export function describeCoverage(counts: Counts): string {
  const of = (prefix: string) => [...counts].filter(([what]) => what.startsWith(prefix)).sort();
  const sum = (prefix: string) => of(prefix).reduce((all, [, times]) => all + times, 0);
  return [
    ...["Moves:", ...legalMoves().map((move) => `  ${move}: ${counts.get(move) ?? 0}`)],
    "Never taken, and why:",
    ...Object.entries(neverTaken).map(([move, why]) => `  ${move}: ${why}`),
    "Reports, and in how many situations of the task:",
    ...[...findOutcomes(counts)]
      .sort()
      .map(([name, { situations, times }]) => `  ${name}: ${times} in ${situations}`),
    "Decisions of recovery:",
    ...of("decided: ").map(([what, times]) => `  ${what.slice(9)}: ${times}`),
    `Late or twice, and refused: ${sum("late or twice: ")}`,
    `People asked ${sum("asked: ")} times, and were refused ${sum("refused: ")} times`,
    `Stories, each to a fair end: ${sum("fair end")}`,
  ].join("\n");
}
