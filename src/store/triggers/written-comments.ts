import { sql } from "kysely";
import type { Db } from "../database/schema.ts";

/** Notes that we wrote a comment there; one that is known by its mark is the same. */
export async function noteComment(db: Db, place: string, mark: string): Promise<void> {
  await db
    .insertInto("writtenComments")
    .values({ place: place.toLowerCase(), mark })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/**
 * Since when the breaker of a subject is open, and how many comments we wrote at its place within an
 * hour, and since it was closed.
 */
export async function lookAtSubject(
  db: Db,
  { place, subject }: { place: string; subject: string },
): Promise<{ brokenSince: Date | null; recent: number }> {
  const { rows } = await sql<{ brokenSince: Date | null; recent: number }>`
    select
      (select opened_at from breakers where rule = ${subject} and closed_at is null
        order by opened_at limit 1) as broken_since,
      (select count(*)::int from written_comments where place = ${place.toLowerCase()}
        and at > greatest(now() - interval '1 hour', (select max(closed_at) from breakers
          where rule = ${subject}))) as recent`.execute(db);
  const [row] = rows;
  if (!row) throw new Error("a select without a table has one row");
  return row;
}

/** Those that were written before. */
export async function deleteWrittenComments(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("writtenComments")
    .where("at", "<", before)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
