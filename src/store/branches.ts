import type { Db } from "./schema.ts";

/** Whether another task has delivered to this branch of this repository and was not discarded. */
export async function isBranchTaken(
  db: Db,
  repository: string,
  branch: string,
  taskId: string,
): Promise<boolean> {
  const row = await db
    .selectFrom("tasks")
    .select("id")
    .where("repository", "=", repository)
    .where("branch", "=", branch)
    .where("id", "<>", taskId)
    .where("discardedAt", "is", null)
    .executeTakeFirst();
  return row !== undefined;
}
