import type { Baseline } from "../../core/task/task.ts";
import { checkRow } from "../database/garbled.ts";
import { json } from "../database/open.ts";
import type { Db } from "../database/schema.ts";

/** Cached results of the repository's checks on a base commit, which many tasks share. */
export async function getBaseline(db: Db, key: string): Promise<Baseline | null> {
  const row = await db
    .selectFrom("baselines")
    .select("data")
    .where("key", "=", key)
    .executeTakeFirst();
  return row ? (checkRow("baselines", key, row).data as Baseline) : null;
}

export async function saveBaseline(db: Db, key: string, baseline: Baseline): Promise<void> {
  await db
    .insertInto("baselines")
    .values({ key, data: json(baseline) })
    .onConflict((c) => c.doNothing())
    .execute();
}
