import { DeputyError } from "../../core/base/error.ts";
import type { CommentPlace, Moved, TaskComment } from "../../core/page/comment.ts";
import { commentStates } from "../../core/page/comment.ts";
import { type Lines, mapLines } from "../../core/page/map-lines.ts";
import { followMessage, type Message } from "../../core/task/message.ts";
import type { TaskDetail } from "../../core/task/task-detail.ts";
import type { Db } from "../../store/database/schema.ts";
import { listComments } from "../../store/records/messages.ts";
import type { Mirror, Mirrors } from "../../worktree/mirror/mirror.ts";
import { listChanges } from "../../worktree/read/diff.ts";
import { readHunks } from "../../worktree/read/line-hunks.ts";
import { treeOf } from "../../worktree/read/read-commit.ts";
import { changeRange } from "../service/comment-place.ts";

/**
 * Comments on lines, and what became of them, all from what is recorded: whether an attempt has one, and
 * whether the attempt that had it and was merged changed the file.
 */
export async function readComments(
  deps: { db: Db; mirrors: Mirrors },
  detail: TaskDetail,
): Promise<{ tree: string | null; comments: TaskComment[] }> {
  const rows = await listComments(deps.db, detail.task.id);
  if (!detail.task.preparation) return { tree: null, comments: [] };
  const { mirror, to } = changeRange(deps.mirrors, detail);
  const tree = to && (await treeOf(mirror, to));
  const found = new Map<string, TaskComment>();
  for (const row of rows) {
    const place = parsePlace(row.place ?? "");
    if (!place) continue; // about a branch or an issue, not about lines
    const { commentId, createdAt, side, text } = { ...row, createdAt: row.sentAt };
    const own = {
      ...{ ...place, text, createdAt, id: commentId ?? row.id, side: side ?? "new" },
      ...(await follow(mirror, row, place.path, detail)),
    } satisfies Omit<TaskComment, "outdated">;
    const known = found.get(own.id);
    if (known && rank(known) >= rank(own)) continue; // a copy for another subtask
    const now = row.tree && tree && own.side === "new" ? [row.tree, tree] : null;
    const lines = now && (await mapOn(mirror, [now[0] ?? "", now[1] ?? ""], own));
    found.set(own.id, { ...own, ...lines, outdated: now !== null && lines === null });
  }
  return { tree, comments: [...found.values()] };
}

/** Where comments that were made on one tree belong in another one. */
export async function moveComments(
  mirror: Mirror,
  { from, to }: { from: string; to: string },
  comments: readonly CommentPlace[],
): Promise<Moved> {
  const moved: (Lines | null)[] = [];
  for (const comment of comments)
    moved.push(
      comment.side === "old"
        ? { line: comment.line, endLine: comment.endLine }
        : await mapOn(mirror, [from, to], comment),
    );
  return { tree: to, moved };
}

/** Where comments that nobody has sent belong in the tree that stands now. Nothing changes. */
export async function placeComments(
  mirrors: Mirrors,
  detail: TaskDetail,
  { tree: from, comments }: { tree: string; comments: readonly CommentPlace[] },
): Promise<Moved> {
  const { mirror, to } = changeRange(mirrors, detail);
  if (to === null) throw new DeputyError("conflict", `${detail.task.id} has no change with lines.`);
  return moveComments(mirror, { from, to: await treeOf(mirror, to) }, comments);
}

const rank = ({ state }: Pick<TaskComment, "state">) => commentStates.indexOf(state);

async function follow(
  mirror: Mirror,
  message: Message,
  path: string,
  detail: TaskDetail,
): Promise<Pick<TaskComment, "state" | "detail" | "answer" | "commit">> {
  const { detail: clause } = followMessage(message, detail);
  const none = { detail: clause, answer: null, commit: null };
  if (message.doneBy === null)
    return { ...none, state: message.deliveredAt === null ? "queued" : "delivered" };
  const attempt = detail.attempts.find(({ id }) => id === message.doneBy);
  const { baseCommit = "", commit = null, summary = null } = attempt ?? {};
  const changes =
    commit === null || commit === baseCommit ? [] : await listChanges(mirror, baseCommit, commit);
  return changes.some((change) => change.path === path)
    ? { detail: clause, answer: summary, commit, state: "changed" }
    : { ...none, answer: summary, state: "answered" };
}

async function mapOn(
  mirror: Mirror,
  [from, to]: [string, string],
  { endLine, line, path }: Lines & { path: string },
): Promise<Lines | null> {
  const hunks = await readHunks(mirror, from, to, path);
  return hunks && mapLines({ line, endLine }, hunks);
}

function parsePlace(place: string): (Lines & { path: string }) | null {
  const [, path, line, end = line] = /^(.+):(\d+)(?:-(\d+))?$/.exec(place) ?? [];
  return path === undefined ? null : { path, line: Number(line), endLine: Number(end) };
}
