import { newId } from "../core/id.ts";
import { together } from "./pipeline.ts";
import type { Db, Tx } from "./schema.ts";

export type Said = { id: string; text: string };

/** What a person says to an agent while it works: kept until it was told. */
export async function insertSaid(
  tx: Tx,
  said: { taskId: string; subtaskId: string; text: string },
): Promise<void> {
  await tx
    .insertInto("said")
    .values({ id: newId("said"), ...said })
    .execute();
}

/** What a subtask's agent was not told yet, oldest first. */
export async function listUnheard(db: Db | Tx, subtaskId: string): Promise<Said[]> {
  return together(db)
    .selectFrom("said")
    .select(["id", "text"])
    .where("subtaskId", "=", subtaskId)
    .where("heardAt", "is", null)
    .orderBy("saidAt")
    .orderBy("id")
    .execute();
}

export async function markHeard(db: Db | Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.updateTable("said").set({ heardAt: new Date() }).where("id", "in", ids).execute();
}
