import picomatch from "picomatch";
import type { Hold } from "../core/hold.ts";
import { isSubtaskOver, type SubtaskState } from "../core/lifecycle.ts";

/**
 * Which blocked subtasks may start, and what each of the others waits for. Pure: the rows in, the
 * decisions out. A subtask starts when all its dependencies are completed and no other subtask that
 * is on its way writes the same files.
 */
export type SchedulableSubtask = {
  id: string;
  key: string;
  state: SubtaskState;
  dependsOn: readonly string[];
  writes: readonly string[];
};

export type Scheduled = { id: string; start: true } | { id: string; start: false; hold: Hold };

export function schedule(subtasks: readonly SchedulableSubtask[]): Scheduled[] {
  const byKey = new Map(subtasks.map((subtask) => [subtask.key, subtask]));
  const active = subtasks.filter(({ state }) => state !== "blocked" && !isSubtaskOver(state));
  const scheduled: Scheduled[] = [];
  for (const subtask of subtasks) {
    if (subtask.state !== "blocked") continue;
    const open = subtask.dependsOn
      .map((key) => byKey.get(key))
      .filter((dependency) => dependency !== undefined)
      .filter(({ state }) => state !== "completed");
    const failed = open.filter(({ state }) => isSubtaskOver(state));
    const rivals = active.filter(({ writes }) => writesOverlap(writes, subtask.writes));
    if (failed.length > 0) {
      scheduled.push({ id: subtask.id, start: false, hold: waitFor(failed, "did not finish") });
    } else if (open.length > 0) {
      scheduled.push({ id: subtask.id, start: false, hold: waitFor(open, "must finish first") });
    } else if (rivals.length > 0) {
      scheduled.push({
        id: subtask.id,
        start: false,
        hold: waitFor(rivals, "writes the same files and goes first"),
      });
    } else {
      scheduled.push({ id: subtask.id, start: true });
      active.push(subtask);
    }
  }
  return scheduled;
}

function waitFor(subtasks: readonly SchedulableSubtask[], reason: string): Hold {
  return {
    kind: "dependency",
    on: subtasks.map(({ id }) => id),
    reason: `${subtasks.map(({ key }) => `"${key}"`).join(", ")} ${reason}`,
  };
}

/** Whether two lists of globs can name the same file. When unsure it says yes: waiting is safe. */
export function writesOverlap(left: readonly string[], right: readonly string[]): boolean {
  return left.some((a) => right.some((b) => globsOverlap(a, b)));
}

function globsOverlap(a: string, b: string): boolean {
  const left = picomatch.scan(a);
  const right = picomatch.scan(b);
  if (!left.isGlob)
    return right.isGlob
      ? picomatch.isMatch(a, b, { dot: true }) || isInside(b, a)
      : a === b || isInside(a, b) || isInside(b, a);
  if (!right.isGlob) return picomatch.isMatch(b, a, { dot: true }) || isInside(a, b);
  return (
    left.base === "" ||
    right.base === "" ||
    isInside(left.base, right.base) ||
    isInside(right.base, left.base)
  );
}

/** Whether `path` is `folder` or lies in it. */
function isInside(path: string, folder: string): boolean {
  const root = folder.replace(/\/+$/, "");
  return path === root || path.startsWith(`${root}/`);
}
