import type { Outcome } from "../core/task/outcome.ts";
import type { Attempt } from "../core/task/task.ts";
import { waitOut } from "../store/database/outage.ts";
import type { Db } from "../store/database/schema.ts";
import { findNextAttempt, reportDone } from "../store/tasks/attempts.ts";
import { writeCommit } from "../worktree/commits/write-object.ts";
import { type Mirror, pinSnapshot, readRef } from "../worktree/mirror/mirror.ts";
import { treeOf } from "../worktree/read/read-commit.ts";

/**
 * Before its outcome is applied, the executor writes on the attempt's row that it is done. So the work
 * counts if the process dies in between, and if the attempt was given up for dead meanwhile. While the
 * database is away the executor waits, as the transition that follows does.
 */
export type Attempted = Extract<Outcome, { kind: "attempted" }>;

/**
 * `again` ends the attempt anew with the files that the next attempt found, for where one has begun in
 * the same worktree: what is there now may be that one's. Null: they are not known.
 */
export async function handIn(
  { db, signal }: { db: Db; signal: AbortSignal },
  attempt: Attempt,
  ended: Attempted,
  again: () => Promise<Attempted | null>,
): Promise<Attempted> {
  const first = readReport(ended);
  if (!first) return ended;
  const report = async () => {
    if (await reportDone(db, attempt, first, { isHandedOver: false })) return ended;
    const found = await again();
    const second = found && readReport(found);
    if (second) await reportDone(db, attempt, second, { isHandedOver: true });
    return found ?? ended;
  };
  // What the database refuses though it is there, the transition that follows will say.
  return waitOut(report, signal).catch(() => ended);
}

function readReport(ended: Attempted): Attempt["report"] {
  const { commit, snapshotRef } = ended;
  if (ended.reason !== "done" || commit === null || snapshotRef === null) return null;
  const { confinement, detail, discoveries, followUps, outputTail, summary } = ended;
  return {
    ...{ commit, snapshotRef, summary, detail, outputTail },
    discoveries,
    followUps,
    confinement,
  };
}

/**
 * The files that the next attempt found when it began, as a commit of this one's: nobody else wrote
 * there in between, and the processes of this one were gone. Null: it has not looked yet.
 */
export async function findHandedOver(
  db: Db,
  mirror: Mirror,
  attempt: Attempt,
  about: { base: string; message: string; ref: string },
): Promise<string | null> {
  const next = await findNextAttempt(db, attempt);
  const found = next === null ? null : await readRef(mirror, `before/${next}`);
  if (found === null) return null;
  const { base, message, ref } = about;
  const tree = await treeOf(mirror, found);
  const isBase = tree === (await treeOf(mirror, base));
  const commit = isBase ? base : await writeCommit(mirror, { tree, parent: base, message });
  await pinSnapshot(mirror, ref, commit);
  return commit;
}
