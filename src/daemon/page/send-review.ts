import { DeputyError } from "../../core/base/error.ts";
import { newId } from "../../core/base/id.ts";
import type { Idempotency } from "../../core/ledger/task-ledger.ts";
import type { Moved, NewComment } from "../../core/page/comment.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { TaskDetail } from "../../core/task/task-detail.ts";
import { adoptPushed } from "../../delivery/adopt-pushed.ts";
import { type Comment, commentOnTask } from "../../orchestrator/commands/steer.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import type { Db } from "../../store/database/schema.ts";
import { findMessageKey } from "../../store/records/messages.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";
import type { AuthHeader } from "../../worktree/mirror/transport.ts";
import { treeOf } from "../../worktree/read/read-commit.ts";
import { changeRange, findCommented, findWriter } from "../service/comment-place.ts";
import { moveComments } from "./comments.ts";

type Deps = AdvanceDeps & { db: Db; mirrors: Mirrors; authHeader: AuthHeader };

/**
 * A batch of comments on the tree that a person saw: it starts one rework, of the subtask that wrote one
 * of these files last. Where another tree stands by now nothing is sent, and the answer says where those
 * lines are.
 */
export async function sendReview(
  deps: Deps,
  detail: TaskDetail,
  review: { tree: string; comments: readonly NewComment[] },
  idempotency: Idempotency | null,
): Promise<{ sent: string[]; when: string; isNew: boolean } | Moved> {
  const { mirrors } = deps;
  const { task } = detail;
  if (!task.preparation)
    throw new DeputyError("conflict", `${task.id} has no change that could be commented on.`);
  const { mirror, to } = changeRange(mirrors, detail);
  if (to === null)
    throw new DeputyError("conflict", `${task.id} has no change that could be commented on.`);
  const tree = await treeOf(mirror, to);
  // The work goes on because of a batch, so whoever sends it again saw an earlier tree.
  const isSent =
    idempotency !== null && (await findMessageKey(deps.db, task.id, idempotency.key)) !== null;
  if (isSent) {
    const given = review.comments.map(({ line, path, text }) => ({
      place: `${path}:${line}`,
      text,
    }));
    const { isNew, when } = await commentOnTask(deps, task.id, given, null, idempotency);
    return { sent: [], when, isNew };
  }
  if (tree !== review.tree)
    return moveComments(mirror, { from: review.tree, to: tree }, review.comments);
  const comments = review.comments.map(
    ({ endLine, line, path, side, text }): Comment & { commentId: string } => ({
      place: `${path}:${line}${endLine === line ? "" : `-${endLine}`}`,
      ...{ text, side, tree, commentId: newId("message") },
    }),
  );
  for (const [index, { place, side }] of comments.entries())
    await findCommented(mirrors, detail, place, side ?? "new").catch((error: unknown) => {
      if (!(error instanceof DeputyError)) throw error;
      throw new DeputyError(error.code, error.message, { field: `comments[${index}]` });
    });
  const paths = review.comments.map(({ path }) => path);
  const writer = await findWriter(mirror, detail.attempts, paths);
  const key = detail.subtasks.find(({ id }) => id === writer)?.key ?? null;
  const pushed = isTaskOver(task.state) ? await adoptPushed(deps, task) : null;
  const set = pushed === null ? {} : { headCommit: pushed };
  const { isNew, when } = await commentOnTask(deps, task.id, comments, key, idempotency, {
    ...set,
    shown: task.headCommit,
  });
  return { sent: comments.map(({ commentId }) => commentId), when, isNew };
}
