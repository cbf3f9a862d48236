import type { Hold } from "../core/hold.ts";
import type { StageName } from "../core/outcome.ts";
import { findCandidates, listHeldForSpace } from "../store/claims.ts";
import type { Db } from "../store/schema.ts";
import {
  appendEvent,
  inTransition,
  lockTask,
  moveSubtask,
  moveTask,
  ringStage,
} from "../store/transition.ts";
import { isFree } from "./claim.ts";

/**
 * A volume that is full stops every stage that would write there. Its rows wait with a wake whose
 * reason is the sentence about the volume, so that `why` says it; nothing of it is counted, and it has
 * no limit, because a person has to free space. They are woken when the volume can be written again,
 * and look by themselves once a minute in case that was missed.
 */
type Wake = Extract<Hold, { kind: "wake" }>;

const lookAgainMs = 60_000;
/** What the reason begins with: by it the rows are found again. */
export const spaceReason = "no space: ";

export function waitForSpace(detail: string): Wake {
  const at = new Date(Date.now() + lookAgainMs);
  return { kind: "wake", at, reason: `${spaceReason}${detail.slice(0, 500)}` };
}

export function spaceEvent(stage: StageName, detail: string) {
  return {
    type: "stage.parked",
    message: `${stage} waits for space: ${detail}`,
    data: { stage, detail },
  } as const;
}

/** Instead of a claim: have all that the stage could start wait for space. */
export async function holdForSpace(db: Db, stage: StageName, detail: string): Promise<void> {
  const seen: string[] = [];
  for (;;) {
    const candidates = await findCandidates(db, stage, 100, seen);
    if (candidates.length === 0) return;
    for (const { taskId, subtaskId } of candidates) {
      seen.push(subtaskId ?? taskId);
      await replaceHold(db, stage, taskId, subtaskId, waitForSpace(detail));
    }
  }
}

/** The volume can be written again: what waits for space is due now. */
export async function wakeFromSpace(db: Db): Promise<void> {
  for (const { taskId, subtaskId, stage } of await listHeldForSpace(db, spaceReason)) {
    const hold = { ...waitForSpace("there is some again"), at: new Date() };
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
  await inTransition(db, async (tx) => {
    const locked = await lockTask(tx, taskId);
    if (!locked) return;
    const subtask = locked.subtasks.find(({ id }) => id === subtaskId);
    const row = subtaskId === null ? locked.task : subtask;
    const isHeld = row?.hold?.kind === "wake" && row.hold.reason.startsWith(spaceReason);
    if (!row || !(isHeld || isFree(row, stage, locked.now))) return;
    if (!isHeld)
      await appendEvent(tx, taskId, {
        ...spaceEvent(stage, hold.reason.slice(spaceReason.length)),
        subtaskId,
      });
    if (subtask) await moveSubtask(tx, subtask, subtask.state, hold);
    else await moveTask(tx, locked.task, locked.task.state, hold);
    await ringStage(tx, stage, taskId, subtaskId, hold.at);
  });
}
