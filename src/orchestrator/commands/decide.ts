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

/** What a decision came by. `shown` alone: the API, which said what commit its caller saw. */
export type DecidedBy = PressedDecision | { ask: null; shown: string };

/** Throws a DeputyError, and changes nothing, where something else was decided or is being decided. */
export async function beginDecision(
  deps: AdvanceDeps,
  about: Pick<NewDeciding, "processId" | "taskId" | "verb">,
  decidedBy: DecidedBy | null = null,
): Promise<void> {
  const pressed = decidedBy?.ask ? decidedBy : null;
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
    }
    // A page that stayed open may show work that was worked on again since.
    if (decidedBy && decidedBy.shown !== task.deliveredCommit)
      throw new DeputyError(
        "conflict",
        "Nothing was changed: the work was delivered anew since this page was opened; open it again.",
      );
    const by = pressed?.press.by ?? null;
    await ledger.insertDeciding({ ...about, by, askId: pressed?.ask.id ?? null });
  });
  faultPoint("decision", "claimed");
}

/**
 * It could not be carried out: everything is as before, and the ask may be used again. `processId`: whose
 * it is; one that was taken over, or decided anew, is another's.
 */
export async function withdrawDecision(
  deps: AdvanceDeps,
  { processId, taskId }: Pick<NewDeciding, "processId" | "taskId">,
): Promise<void> {
  await deps.transact(async (ledger) => {
    const askId = (await ledger.findDeciding(taskId))?.askId ?? null;
    // The ask before the task, as a press locks them.
    if (askId) await ledger.lockAsk(askId);
    await ledger.lockTaskRow(taskId);
    const deciding = await ledger.findDeciding(taskId);
    if (deciding?.processId !== processId || deciding.askId !== askId) return;
    if (askId) await ledger.freeAsk(askId);
    await ledger.deleteDeciding(taskId);
  });
}
