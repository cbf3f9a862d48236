import type { Repair } from "../../core/forge/decide-repair.ts";
import type { Db } from "../database/schema.ts";

type Kind = "checks" | "review";

/** What was decided about a task's red heads, or reviews, oldest first. */
export async function listRepairs(db: Db, taskId: string, kind: Kind): Promise<Repair[]> {
  return db
    .selectFrom("repairs")
    .select(["key", "signature", "startsOver", "decision"])
    .where("taskId", "=", taskId)
    .where("kind", "=", kind)
    .orderBy("at")
    .orderBy("key")
    .execute();
}

/** Records a decision; one about the same head or review stands. */
export async function recordRepair(
  db: Db,
  taskId: string,
  kind: Kind,
  repair: Repair,
): Promise<void> {
  await db
    .insertInto("repairs")
    .values({ taskId, kind, ...repair })
    .onConflict((conflict) => conflict.columns(["taskId", "kind", "key"]).doNothing())
    .execute();
}
