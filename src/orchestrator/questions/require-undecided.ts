import { describeDeciding } from "../../core/attention/deciding.ts";
import { DeputyError } from "../../core/base/error.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";

/** Throws a DeputyError while a person's decision on the task is carried out. */
export async function requireUndecided(ledger: TaskLedger, taskId: string): Promise<void> {
  const deciding = await ledger.findDeciding(taskId);
  if (deciding) throw new DeputyError("conflict", describeDeciding(deciding));
}
