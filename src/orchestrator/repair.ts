import type { Claim, Outcome } from "../core/outcome.ts";
import type { Subtask, Task } from "../core/task.ts";
import {
  appendEvent,
  inTransition,
  lockTask,
  moveSubtask,
  moveTask,
  ringStage,
} from "../store/transition.ts";
import { type AdvanceDeps, advance } from "./advance.ts";
import { settle } from "./settle.ts";
import { waitForSlot } from "./stage-retry.ts";

/**
 * Carries out what the reconciler found. A lease whose owner is dead ends as if its owner had said
 * so: an attempt is lost, any other stage is parked. A hold that is unsound in itself is our bug:
 * the row goes back to waiting for its stage's slot, and the event says what was wrong.
 */
export type LostLease = { claim: Claim; owner: string };

export async function releaseLostLease(
  deps: AdvanceDeps,
  lost: LostLease,
  detail: string,
): Promise<"applied" | "stale"> {
  const outcome: Outcome = { kind: "parked", detail, snapshotRef: null };
  return advance(deps, lost.owner, lost.claim, outcome);
}

const stageOfTask = { queued: "plan", planning: "plan", delivering: "deliver" } as const;
const stageOfSubtask = {
  ready: "execute",
  verifying: "verify",
  recovering: "recover",
  integrating: "integrate",
} as const;

export async function repairHold(
  deps: AdvanceDeps,
  taskId: string,
  subtaskId: string | null,
  problem: string,
): Promise<void> {
  await inTransition(deps.db, async (tx) => {
    const locked = await lockTask(tx, taskId);
    const row: Task | Subtask | undefined = subtaskId
      ? locked?.subtasks.find(({ id }) => id === subtaskId)
      : locked?.task;
    if (!locked || !row?.hold) return;
    if (subtaskId) {
      const stage = stageOfSubtask[row.state as keyof typeof stageOfSubtask];
      if (stage) {
        await moveSubtask(tx, row as Subtask, (row as Subtask).state, waitForSlot(stage));
        await ringStage(tx, stage, taskId, subtaskId);
      }
    } else {
      const stage = stageOfTask[row.state as keyof typeof stageOfTask];
      if (stage) {
        await moveTask(tx, row as Task, (row as Task).state, waitForSlot(stage));
        await ringStage(tx, stage, taskId, null);
      }
    }
    await appendEvent(tx, taskId, {
      type: "hold.repaired",
      message: `An unsound hold was repaired: ${problem}`,
      data: { problem, hold: row.hold },
      subtaskId,
    });
    await settle(tx, taskId, deps.announce);
  });
}
