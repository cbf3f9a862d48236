import { expect, test } from "vitest";
import { indentPlan } from "../../web/src/views/task/plan/indent-plan.ts";
import { layOutGraph, nodeSize } from "../../web/src/views/task/plan/lay-out-graph.ts";
import type { Subtask } from "../../web/src/views/task/types.ts";

/** The plan as a picture and as a list. */

const part = (key: string, position: number, ...depends_on: string[]) =>
  ({ key, position, depends_on, title: key, state: "ready" }) as unknown as Subtask;
const plan = [part("ui", 0, "api"), part("api", 1, "db"), part("db", 2), part("docs", 3, "db")];

test("in the list each comes after what it waits for, as deep as its longest way", () => {
  expect(indentPlan(plan).map(({ depth, subtask }) => `${depth} ${subtask.key}`)).toEqual([
    ...["0 db", "1 api", "1 docs", "2 ui"],
  ]);
});

test("what waits for something that is gone, or for itself, is shown all the same", () => {
  const odd = [part("a", 0, "gone"), part("b", 1, "c"), part("c", 2, "b")];
  expect(indentPlan(odd).map(({ subtask }) => subtask.key)).toContain("b");
  expect(layOutGraph(odd).nodes).toHaveLength(3);
});

test("in the picture what waits is to the right of what it waits for, and nothing overlaps", () => {
  const { nodes, edges, width } = layOutGraph(plan);
  const xOf = new Map(nodes.map(({ subtask, x }) => [subtask.key, x]));
  for (const { from, to } of edges)
    expect(xOf.get(to)).toBeGreaterThanOrEqual((xOf.get(from) ?? 0) + nodeSize.width);
  expect(edges).toHaveLength(3);
  for (const { x } of nodes) expect(x + nodeSize.width).toBeLessThanOrEqual(width);
  const places = nodes.map(({ x, y }) => `${x} ${y}`);
  expect(new Set(places).size).toBe(nodes.length);
});
