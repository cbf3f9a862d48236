import type { Subtask } from "../types.ts";

/**
 * The plan as an indented list: each subtask below what it waits for, as deep as the longest way to
 * it, in the order in which they can run. Pure.
 */
export function indentPlan<One extends Pick<Subtask, "depends_on" | "key" | "position">>(
  subtasks: readonly One[],
): { subtask: One; depth: number }[] {
  const byKey = new Map(subtasks.map((subtask) => [subtask.key, subtask]));
  const depths = new Map<string, number>();
  const depthOf = (key: string, seen: ReadonlySet<string>): number => {
    const known = depths.get(key);
    if (known !== undefined) return known;
    const on = (byKey.get(key)?.depends_on ?? []).filter((one) => byKey.has(one) && !seen.has(one));
    const depth = Math.max(-1, ...on.map((one) => depthOf(one, new Set([...seen, key])))) + 1;
    depths.set(key, depth);
    return depth;
  };
  return subtasks
    .map((subtask) => ({ subtask, depth: depthOf(subtask.key, new Set()) }))
    .sort(
      (left, right) => left.depth - right.depth || left.subtask.position - right.subtask.position,
    );
}
