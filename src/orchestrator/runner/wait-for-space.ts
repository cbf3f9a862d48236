import type { Hold } from "../../core/task/hold.ts";
import type { StageName } from "../../core/task/outcome.ts";
import type { Db } from "../../store/database/schema.ts";
import { findCandidates, listHeldForSpace } from "../../store/tasks/claims.ts";
import { makeTransact } from "../../store/tasks/ledger.ts";
import { isFree } from "./claim.ts";
import type { Space } from "./excuse-full-volume.ts";

/**
 * A full volume stops every stage that would write there, and a low one those that begin something
 * new. Their rows wait with a wake whose reason names the volume, so that `why` shows it. Nothing is counted and there is no limit, because a
 * person has to free space. The rows are woken when the volume is writable again, and check once a
 * minute in case that was missed.
 */
type Wake = Extract<Hold, { kind: "wake" }>;

const lookAgainMs = 60_000;
/** Prefix of the hold's reason, by which the rows are found again. */
export const spaceReason = "no space: ";

type Waiting = { kind: "no_space" | "unreadable"; detail: string };

/** The wake for a fault that a person has to fix outside: a full volume, or an unreadable row. */
export function waitFor({ detail, kind }: Waiting): Wake {
  const at = new Date(Date.now() + lookAgainMs);
  const reason = detail.slice(0, 500);
  return { kind: "wake", at, reason: kind === "no_space" ? `${spaceReason}${reason}` : reason };
}

/** The event for such a wait. */
export function waitEvent(stage: StageName, { detail, kind }: Waiting) {
  const what = kind === "no_space" ? "waits for space" : "waits for a row that can be read";
  const data = { stage, detail };
  return { type: "stage.parked", message: `${stage} ${what}: ${detail}`, data } as const;
}

/** What a stage waits for before it claims anything; null: there is space for it. */
export function findLackOfSpace(stage: StageName, space: Space): string | null {
  if (stage === "recover") return null; // writes rows only
  const [full] = space.problems();
  const [low] = beginsNew.has(stage) ? space.low() : [];
  return full ?? low ?? null;
}

/** These check out and run something; a merge and a delivery end what was begun. */
const beginsNew: ReadonlySet<StageName> = new Set(["plan", "execute", "verify"]);

/** Instead of claiming: make everything that the stage could start wait for space. */
export async function holdForSpace(db: Db, stage: StageName, detail: string): Promise<void> {
  const seen: string[] = [];
  for (;;) {
    const candidates = await findCandidates(db, stage, 100, seen);
    if (candidates.length === 0) return;
    for (const { taskId, subtaskId } of candidates) {
      seen.push(subtaskId ?? taskId);
      await replaceHold(db, stage, taskId, subtaskId, waitFor({ kind: "no_space", detail }));
    }
  }
}

/** The volume is writable again: everything that waits for space is due now. */
export async function wakeFromSpace(db: Db): Promise<void> {
  for (const { taskId, subtaskId, stage } of await listHeldForSpace(db, spaceReason)) {
    const hold = {
      ...waitFor({ kind: "no_space", detail: "there is some again" }),
      at: new Date(),
    };
    await replaceHold(db, stage, taskId, subtaskId, hold);
  }
}

async function replaceHold(
  db: Db,
  stage: StageName,
  taskId: string,
  subtaskId: string | null,
  hold: Wake,
): Promise<void> {
  await makeTransact(db)(async (ledger) => {
    const locked = await ledger.lockTask(taskId);
    if (!locked) return;
    const subtask = locked.subtasks.find(({ id }) => id === subtaskId);
    const row = subtaskId === null ? locked.task : subtask;
    const isHeld = row?.hold?.kind === "wake" && row.hold.reason.startsWith(spaceReason);
    if (!row || !(isHeld || isFree(row, stage, locked.now))) return;
    if (!isHeld)
      await ledger.appendEvent(taskId, {
        ...waitEvent(stage, { kind: "no_space", detail: hold.reason.slice(spaceReason.length) }),
        subtaskId,
      });
    if (subtask) await ledger.moveSubtask(subtask, subtask.state, hold);
    else await ledger.moveTask(locked.task, locked.task.state, hold);
    await ledger.wakeStage(stage, taskId, subtaskId, hold.at);
  });
}
