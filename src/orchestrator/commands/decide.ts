import type { Ask } from "../../core/attention/ask.ts";
import type { NewDeciding } from "../../core/attention/deciding.ts";
import { DeputyError } from "../../core/base/error.ts";
import { decisionOf } from "../../core/task/task.ts";
import { requireUndecided } from "../questions/require-undecided.ts";
import { faultPoint } from "../runner/fault-point.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import { type Press, takeAsk } from "./press.ts";

/**
 * A decision on delivered work, accept or discard, in three steps: it is written down, together with the
 * use of the ask that it came by; then the repository is changed; then the result is recorded, which
 * ends it (`recordHandover`). Whoever comes in between is told that it is being decided. A process that dies
 * leaves the first step, and another one does the rest: the change of a repository can be done twice.
 */
export type PressedDecision = { ask: Ask; press: Omit<Press, "requirePlanner"> } & {
  /** The commit that the person saw. */
  shown: string | null;
};

/** Throws a DeputyError, and changes nothing, where something else was decided or is being decided. */
export async function beginDecision(
  deps: AdvanceDeps,
  about: Pick<NewDeciding, "processId" | "taskId" | "verb">,
  pressed: PressedDecision | null = null,
): Promise<void> {
  await deps.transact(async (ledger) => {
    if (pressed) await takeAsk(ledger, pressed.ask, pressed.press);
    const locked = await ledger.lockTask(about.taskId);
    if (!locked)
      throw new DeputyError("not_found", `There is no task ${about.taskId}.`, { field: "id" });
    const { task } = locked;
    await requireUndecided(ledger, task.id);
    if (pressed) {
      const decision = decisionOf(task);
      if (decision !== "open")
        throw new DeputyError(
          "conflict",
          `${task.id} is ${decision ?? task.state} already; nothing was changed.`,
        );
      // A page that stayed open may show work that was worked on again since.
      if (pressed.shown !== task.deliveredCommit)
        throw new DeputyError(
          "conflict",
          "Nothing was changed: the work was delivered anew since this page was opened; open it again.",
        );
    }
    const by = pressed?.press.by ?? null;
    await ledger.insertDeciding({ ...about, by, askId: pressed?.ask.id ?? null });
  });
  faultPoint("decision", "claimed");
}

/** It could not be carried out: everything is as before, and the ask may be used again. */
export async function withdrawDecision(deps: AdvanceDeps, taskId: string): Promise<void> {
  await deps.transact(async (ledger) => {
    const deciding = await ledger.findDeciding(taskId);
    // The ask before the task, as a press locks them.
    if (deciding?.askId) await ledger.freeAsk(deciding.askId);
    await ledger.lockTaskRow(taskId);
    await ledger.deleteDeciding(taskId);
  });
}
