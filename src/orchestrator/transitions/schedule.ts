import picomatch from "picomatch";
import type { Hold } from "../../core/task/hold.ts";
import { isSubtaskOver } from "../../core/task/lifecycle.ts";
import type { Subtask } from "../../core/task/task.ts";

/**
 * Which blocked subtasks may start, and what each of the others waits for. Pure: the rows in, the
 * decisions out. A subtask starts when all its dependencies are completed and no other subtask that
 * is on its way writes the same files. One that lost a merge to a sibling would lose the next one, too,
 * so it runs alone beside all that may touch those files, said beforehand or not.
 */
export type SchedulableSubtask = Pick<
  Subtask,
  "id" | "key" | "state" | "hold" | "dependsOn" | "writes" | "ending"
>;

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
    const rivals = active.filter(
      (other) => writesOverlap(other.writes, subtask.writes) || mayCollide(other, subtask),
    );
    if (failed.length > 0) {
      scheduled.push({ id: subtask.id, start: false, hold: waitFor(failed, "did not finish") });
    } else if (open.length > 0) {
      scheduled.push({ id: subtask.id, start: false, hold: waitFor(open, "must finish first") });
    } else if (rivals.length > 0) {
      scheduled.push({
        id: subtask.id,
        start: false,
        hold: waitFor(
          rivals,
          rivals.every(({ writes }) => writesOverlap(writes, subtask.writes))
            ? "writes the same files and goes first"
            : "may change the same files and goes first",
        ),
      });
    } else {
      scheduled.push({ id: subtask.id, start: true });
      active.push(subtask);
    }
  }
  return scheduled;
}

/** One of them lost a merge, and the other, which is being worked on, may touch what it was lost over. */
function mayCollide(active: SchedulableSubtask, starting: SchedulableSubtask): boolean {
  // What waits for a person or a provider may wait for days.
  if (active.state === "waiting" || active.hold?.kind === "wake") return false;
  return mayTouch(active, contestedFiles(starting)) || mayTouch(starting, contestedFiles(active));
}

function mayTouch(subtask: SchedulableSubtask, files: readonly string[]): boolean {
  if (files.length === 0) return false;
  const touched = [...subtask.writes, ...contestedFiles(subtask)];
  return touched.length === 0 || writesOverlap(touched, files);
}

/** What a subtask lost its last merge over; after a red gate nobody knows, so it may be anything. */
function contestedFiles({ ending }: SchedulableSubtask): readonly string[] {
  if (ending?.what === "conflict") return ending.files;
  return ending?.what === "verdict" && ending.stage === "integrate" ? ["**"] : [];
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
