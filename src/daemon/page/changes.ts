import { DeputyError } from "../../core/base/error.ts";
import { isGenerated } from "../../core/page/is-generated.ts";
import type { ChangesQuery, FilePatch, TaskChanges } from "../../core/page/task-changes.ts";
import type { TaskDetail } from "../../core/task/task-detail.ts";
import type { Mirror, Mirrors } from "../../worktree/mirror/mirror.ts";
import { listFileChanges, readFilePatch } from "../../worktree/read/list-change.ts";
import { treeOf } from "../../worktree/read/read-commit.ts";
import { changeRange } from "../service/comment-place.ts";
import { findAttempt } from "../service/read-log.ts";

/** The change of a task, or of one attempt, from its mirror alone. */
const maxPatchBytes = 1024 * 1024;

export async function readTaskChanges(
  mirrors: Mirrors,
  detail: TaskDetail,
  query: ChangesQuery,
): Promise<TaskChanges> {
  const none = { tree: null, base: null, files: [], truncated: false, total: 0 };
  if (!detail.task.preparation) return none;
  const { base, mirror, to } = rangeOf(mirrors, detail, query);
  if (to === null) return { ...none, base };
  const { files, total } = await listFileChanges(mirror, base, to);
  return {
    tree: await treeOf(mirror, to),
    base,
    files: files.map((file) => ({ ...file, generated: isGenerated(file.path) })),
    truncated: files.length < total,
    total,
  };
}

/** @throws DeputyError for a file that the change does not touch. */
export async function readTaskPatch(
  mirrors: Mirrors,
  detail: TaskDetail,
  { path, ...query }: ChangesQuery & { path: string },
): Promise<FilePatch> {
  const { base, mirror, to } = rangeOf(mirrors, detail, query);
  const listed = to === null ? null : await listFileChanges(mirror, base, to);
  const file = listed?.files.find((one) => one.path === path);
  // Of very many files not all are listed.
  if (to !== null && (file || (listed && listed.files.length < listed.total))) {
    const about = { path, oldPath: file?.oldPath ?? null };
    const read = await readFilePatch(mirror, base, to, about, maxPatchBytes);
    if (read.patch !== "") return { tree: await treeOf(mirror, to), ...about, ...read };
  }
  throw new DeputyError("not_found", `${detail.task.id} did not change ${path}.`, {
    field: "path",
  });
}

function rangeOf(
  mirrors: Mirrors,
  detail: TaskDetail,
  { attempt: number, subtask }: ChangesQuery,
): { mirror: Mirror; base: string; to: string | null } {
  if (number === null && subtask === null) return changeRange(mirrors, detail);
  const { preparation } = detail.task;
  const attempt = findAttempt(detail, { attempt: number, subtask });
  if (!preparation) throw new Error("a task with an attempt was prepared");
  if (attempt.commit !== null && attempt.snapshotRef === null && attempt.endedAt !== null)
    throw new DeputyError(
      "not_found",
      `What attempt ${attempt.number} of ${detail.task.id} wrote was kept only for a time (retention_days in config.yaml): it is removed.`,
      { field: "attempt" },
    );
  return { mirror: mirrors.at(preparation.mirror), base: attempt.baseCommit, to: attempt.commit };
}
