import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import {
  isSubtaskOver,
  isTaskOver,
  subtaskMoves,
  subtaskStates,
  taskMoves,
  taskStates,
} from "../../src/core/task/lifecycle.ts";

const path = resolve(import.meta.dirname, "../../docs/state-machine.md");

/** The tables as a page. `UPDATE_DOCS=1 npx vitest run test/core/lifecycle.test.ts` writes it. */
function renderPage(): string {
  const diagram = (
    moves: Record<string, readonly string[]>,
    start: string[],
    isOver: (state: never) => boolean,
  ) =>
    [
      "```mermaid",
      "stateDiagram-v2",
      ...start.map((state) => `  [*] --> ${state}`),
      ...Object.entries(moves).flatMap(([from, targets]) =>
        targets.map((to) => `  ${from} --> ${to}`),
      ),
      ...Object.keys(moves)
        .filter((state) => isOver(state as never))
        .map((state) => `  ${state} --> [*]`),
      "```",
    ].join("\n");
  const table = (moves: Record<string, readonly string[]>) =>
    [
      "| from | to |",
      "| --- | --- |",
      ...Object.entries(moves).map(([from, to]) => `| ${from} | ${to.join(", ") || "–"} |`),
    ].join("\n");
  return `# State machines

Generated from \`src/core/task/lifecycle.ts\`; the suite fails when the two differ. The database's CHECK
constraints, the API's schemas and the moves that the orchestrator may make read the same table.

## Task

A task starts in \`queued\`, or in \`waiting\` when it needs approval first. \`retry\` re-opens a failed one.

${table(taskMoves)}

${diagram(taskMoves, ["queued", "waiting"], isTaskOver)}

## Subtask

${table(subtaskMoves)}

${diagram(subtaskMoves, ["blocked"], isSubtaskOver)}

## Hold

Every task and subtask that is not over has exactly one hold; one that is over has none.

| hold | carries | what ends it |
| --- | --- | --- |
| lease | owner, time, what it is doing | the owner's outcome, or the owner's death |
| wake | time, reason | the clock |
| question | question id | a person's answer |
| dependency | ids of subtasks, or a slot; reason | those finishing, a slot being free |
`;
}

test("the page says what the tables say", () => {
  if (process.env.UPDATE_DOCS) writeFileSync(path, renderPage());
  expect(readFileSync(path, "utf8")).toBe(renderPage());
});

test("every move leads to a state that exists", () => {
  for (const to of Object.values(taskMoves).flat()) expect(taskStates).toContain(to);
  for (const to of Object.values(subtaskMoves).flat()) expect(subtaskStates).toContain(to);
});

test("every state that is not over can be cancelled, and can reach an end", () => {
  for (const state of taskStates) {
    if (!isTaskOver(state)) expect(taskMoves[state]).toContain("cancelled");
  }
  for (const state of subtaskStates) {
    if (!isSubtaskOver(state)) expect(subtaskMoves[state]).toContain("cancelled");
  }
});
