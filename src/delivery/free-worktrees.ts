import type { Db } from "../store/database/schema.ts";
import {
  type FreeableWorktree,
  listFreeableWorktrees,
  markUnprepared,
  withIdleWorktree,
} from "../store/tasks/worktrees.ts";
import { listWritten } from "../worktree/checkout/free-volume.ts";
import {
  listIgnoredFiles,
  listRecent,
  removeIgnoredFiles,
} from "../worktree/checkout/ignored-files.ts";
import { homeOfWorktree, removeHome } from "../worktree/checkout/worktree-home.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import type { Mirror } from "../worktree/mirror/open-mirror.ts";
import { tidyWorktree } from "./hand-over.ts";

/**
 * Makes room on the volume of the worktrees, by what is cheapest to make again, and only as much as
 * is needed: first the ignored files and homes of finished tasks' worktrees, the longest unused first,
 * then these worktrees themselves, each after a snapshot. One with an ignored file that was written
 * within a day and is no cache by its name comes after all others: no snapshot holds that file.
 * Nothing of an unfinished task is touched, and no worktree that a person had restored.
 */
export type Freed = Pick<FreeableWorktree, "id" | "taskId" | "subtaskId" | "path"> & {
  what: "ignored files" | "worktree";
  files: number;
  bytes: number;
  /** The ignored file for which this one was kept until last. */
  keptFor: string | null;
};

export type FreeOptions = {
  hasRoom: () => boolean;
  stopping: AbortSignal;
  onFreed: (freed: Freed) => Promise<void>;
  /** Called for one that could not be freed; the next one is tried. */
  onError: (error: unknown) => void;
};

export async function freeWorktrees(db: Db, mirrors: Mirrors, options: FreeOptions): Promise<void> {
  const { hasRoom, onError, onFreed, stopping } = options;
  const plain: Candidate[] = [];
  const kept: Candidate[] = [];
  for (const row of await listFreeableWorktrees(db)) {
    if (stopping.aborted || hasRoom()) return;
    const keptFor = await findKept(mirrors, row).catch((error) => {
      onError(error);
      return undefined;
    });
    if (keptFor === null) plain.push({ ...row, keptFor });
    else if (keptFor !== undefined) kept.push({ ...row, keptFor });
  }
  for (const group of [plain, kept]) {
    for (const free of [freeIgnored, freeWhole]) {
      for (const one of group) {
        if (stopping.aborted || hasRoom()) return;
        try {
          const freed = await free(db, mirrors, one);
          if (freed) await onFreed({ ...one, ...freed });
        } catch (error) {
          onError(error);
        }
      }
    }
  }
}

type Candidate = FreeableWorktree & { keptFor: string | null };
type Result = Pick<Freed, "what" | "files" | "bytes"> | null;

const dayMs = 24 * 60 * 60_000;

const list = (mirrors: Mirrors, { mirror, path }: FreeableWorktree) =>
  listIgnoredFiles(mirrors.at(mirror), path);

async function findKept(
  mirrors: Mirrors,
  row: FreeableWorktree,
  paths?: readonly string[],
): Promise<string | null> {
  const since = new Date(Date.now() - dayMs);
  const [first] = await listRecent(row.path, paths ?? (await list(mirrors, row)), since);
  return first === undefined ? null : Buffer.from(first, "latin1").toString("utf8");
}

async function freeIgnored(db: Db, mirrors: Mirrors, one: Candidate): Promise<Result> {
  const inHome = await listWritten(homeOfWorktree(one.path), 0);
  if (inHome.length === 0 && (await list(mirrors, one)).length === 0) return null;
  // In a transaction of its own, before: what is half removed must not count as prepared.
  await markUnprepared(db, one.id);
  let removed = { files: 0, bytes: 0 };
  await withIdleWorktree(db, one.id, async (_tx, row) => {
    removed = await emptyHome(mirrors.at(row.mirror), row.path);
    // It may have been retried, and be finished again, since it was looked at.
    const paths = await list(mirrors, row);
    if (one.keptFor === null && (await findKept(mirrors, row, paths)) !== null) return;
    const { files, bytes } = await removeIgnoredFiles(row.path, paths);
    removed = { files: removed.files + files, bytes: removed.bytes + bytes };
  });
  return removed.files === 0 ? null : { what: "ignored files", ...removed };
}

/** What setup and agents left in the worktree's home: setup makes it again. */
async function emptyHome(mirror: Mirror, path: string): Promise<{ files: number; bytes: number }> {
  const held = await listWritten(homeOfWorktree(path), 0);
  await removeHome(mirror, path);
  await mirror.whenDeleted();
  return { files: held.length, bytes: held.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function freeWhole(db: Db, mirrors: Mirrors, one: Candidate): Promise<Result> {
  if (one.keptFor === null && (await findKept(mirrors, one)) !== null) return null;
  if (!(await tidyWorktree(db, mirrors, one.id))) return null;
  // Its files are deleted in the background; until then nothing is free.
  await mirrors.at(one.mirror).whenDeleted();
  return { what: "worktree", files: 0, bytes: 0 };
}
