import type { Selectable } from "kysely";
import { newId } from "../../core/base/id.ts";
import type { NewPlanRecord } from "../../core/ledger/task-ledger.ts";
import type { PlanRecord } from "../../core/task/plan.ts";
import { checkRow } from "../database/garbled.ts";
import { json } from "../database/open.ts";
import type { Database, Db, Tx } from "../database/schema.ts";

/** Records of plans: proposals, a person's feedback, and later changes. */
export async function insertPlan(tx: Tx, record: NewPlanRecord): Promise<void> {
  const { plan, diff, refused, ...rest } = record;
  await tx
    .insertInto("plans")
    .values({
      id: newId("plan"),
      ...rest,
      plan: plan && json(plan),
      diff: json(diff),
      refused: json(refused),
    })
    .execute();
}

/** All plans of a task, oldest first. */
export async function listPlans(db: Db | Tx, taskId: string): Promise<PlanRecord[]> {
  return (await listPlanRows(db, taskId)).map(toPlan);
}

export function toPlan(row: Selectable<Database["plans"]>): PlanRecord {
  return checkRow("plans", row.id, row);
}

export async function listPlanRows(db: Db | Tx, taskId: string) {
  return db
    .selectFrom("plans")
    .selectAll()
    .where("taskId", "=", taskId)
    .orderBy("createdAt")
    .orderBy("id")
    .execute();
}

/** Records a person's answer. */
export async function closePlan(
  tx: Tx,
  id: string,
  state: "accepted" | "rejected",
  feedback: string | null,
): Promise<void> {
  await tx.updateTable("plans").set({ state, feedback }).where("id", "=", id).execute();
}
