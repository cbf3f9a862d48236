import picomatch from "picomatch";
import type { Hold } from "../../core/task/hold.ts";
import { isSubtaskOver } from "../../core/task/lifecycle.ts";
import type { Subtask } from "../../core/task/task.ts";

/**
 * Which blocked subtasks may start, and what the others wait for. Pure: rows in, decisions out. A
 * subtask starts when all its dependencies are completed and no other active subtask writes the
 * same files. One that lost a merge to a sibling would lose the next one too, so no other subtask
 * that may touch those files, declared or not, runs at the same time.
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

/**
 * Whether one of them lost a merge and the other, already active, may touch the contested files.
 */
function mayCollide(active: SchedulableSubtask, starting: SchedulableSubtask): boolean {
  // Waiting for a person or a provider may take days.
  if (active.state === "waiting" || active.hold?.kind === "wake") return false;
  return mayTouch(active, contestedFiles(starting)) || mayTouch(starting, contestedFiles(active));
}

function mayTouch(subtask: SchedulableSubtask, files: readonly string[]): boolean {
  if (files.length === 0) return false;
  const touched = [...subtask.writes, ...contestedFiles(subtask)];
  return touched.length === 0 || writesOverlap(touched, files);
}

/** The files of a subtask's last lost merge; after a red gate they are unknown, so any file. */
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

/**
 * Whether two lists of globs can match the same file. When unsure it returns true: waiting is safe.
 */
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

/** Whether `path` is `folder` or inside it. */
function isInside(path: string, folder: string): boolean {
  const root = folder.replace(/\/+$/, "");
  return path === root || path.startsWith(`${root}/`);
}
