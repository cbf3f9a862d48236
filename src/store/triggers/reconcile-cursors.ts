import type { Db } from "../database/schema.ts";

/** How far a repository's missed deliveries, or one of its lists, were looked at. */
export type ReconcileCursor = { seenUntil: Date; etag: string | null };

export async function readCursor(db: Db, name: string): Promise<ReconcileCursor | null> {
  const row = await db
    .selectFrom("reconcileCursors")
    .select(["seenUntil", "etag"])
    .where("name", "=", name)
    .executeTakeFirst();
  return row ?? null;
}

export async function writeCursor(db: Db, name: string, cursor: ReconcileCursor): Promise<void> {
  await db
    .insertInto("reconcileCursors")
    .values({ name, ...cursor })
    .onConflict((conflict) => conflict.column("name").doUpdateSet(cursor))
    .execute();
}
