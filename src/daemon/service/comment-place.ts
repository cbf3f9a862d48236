import { DeputyError } from "../../core/base/error.ts";
import type { TaskDetail } from "../../core/task/task-detail.ts";
import type { Mirror, Mirrors } from "../../worktree/mirror/mirror.ts";
import { listChanges } from "../../worktree/read/diff.ts";
import { noneIfTooLarge, readFileAt } from "../../worktree/read/read-commit.ts";

/**
 * The change of a task, as `deputy diff` shows it: from the base commit to the task branch, or to
 * the last attempt's commit where nothing is merged yet. `to` is null when nobody wrote anything.
 */
export function changeRange(
  mirrors: Mirrors,
  { task, attempts }: TaskDetail,
): {
  mirror: Mirror;
  base: string;
  to: string | null;
} {
  const { preparation } = task;
  if (!preparation)
    throw new DeputyError("conflict", `${task.id} has no base yet, so it has no diff.`);
  const base = preparation.baseCommit;
  const moved = task.headCommit !== null && task.headCommit !== base;
  const last = attempts.findLast(({ commit }) => commit !== null);
  if (!moved && last?.snapshotRef === null) {
    throw new DeputyError(
      "conflict",
      `${task.id} merged nothing, and what its attempts wrote was kept only for a time (retention_days in config.yaml): it is removed.`,
    );
  }
  const to = moved ? task.headCommit : (last?.commit ?? null);
  return { mirror: mirrors.at(preparation.mirror), base, to };
}

/**
 * The key of the subtask whose attempt was the last to write the file of a comment; null when none
 * is known. Throws a DeputyError that says what is there for a file that the change does not touch,
 * or a line that the file (the base's, where the change deletes it) does not have.
 */
export async function findCommented(
  mirrors: Mirrors,
  detail: TaskDetail,
  place: string,
  side: "old" | "new" = "new",
): Promise<string | null> {
  const { task, subtasks } = detail;
  const [, file = place, from = "1", end = from] = /^(.+):(\d+)(?:-(\d+))?$/.exec(place) ?? [];
  const refuse = (sentence: string) =>
    new DeputyError("unprocessable", sentence, { field: "place" });
  if (!task.preparation) {
    const sentence = `${task.id} is ${task.state} and has no change that could be commented on.`;
    throw new DeputyError("conflict", sentence);
  }
  const { base, mirror, to } = changeRange(mirrors, detail);
  const changes = to ? await listChanges(mirror, base, to) : [];
  const change = changes.find(({ path }) => path === file);
  if (!to || !change) {
    const names = changes.slice(0, 10).map(({ path }) => path);
    const more = changes.length > names.length ? ` and ${changes.length - names.length} more` : "";
    const what =
      names.length > 0 ? `it changed ${names.join(", ")}${more}` : "it changed nothing so far";
    throw refuse(`${task.id} did not change ${file}; ${what}.`);
  }
  if (Number(end) < Number(from)) throw refuse(`${place} ends before it starts.`);
  const isDeleted = change.status === "deleted" || side === "old";
  const text = await readFileAt(mirror, isDeleted ? base : to, file).catch(noneIfTooLarge);
  // A link or a submodule has no lines, and may be commented on as if it had one.
  const count = text === null ? null : text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (count !== null && Number(end) > count) {
    throw refuse(
      `${file} has ${count} line${count === 1 ? "" : "s"} ${isDeleted ? "before" : "in"} the change of ${task.id}; ${place} is beyond its end.`,
    );
  }
  const writer = await findWriter(mirror, detail.attempts, [file]);
  return subtasks.find(({ id }) => id === writer)?.key ?? null;
}

/** The id of the subtask whose attempt was the last to write one of these files; null: none did. */
export async function findWriter(
  mirror: Mirror,
  attempts: TaskDetail["attempts"],
  files: readonly string[],
): Promise<string | null> {
  for (const { baseCommit, commit, subtaskId } of attempts.toReversed()) {
    if (commit === null || commit === baseCommit) continue;
    const written = await listChanges(mirror, baseCommit, commit);
    if (written.some(({ path }) => files.includes(path))) return subtaskId;
  }
  return null;
}
