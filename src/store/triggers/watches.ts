import { sql } from "kysely";
import { json } from "../database/open.ts";
import type { Db } from "../database/schema.ts";

/** What a watch saw last. One row per rule that is in force, written once a look is over. */
export type WatchRow = {
  rule: string;
  /** Another one whenever it begins anew. */
  id: string;
  /** What it watches: with another one it begins anew. */
  definition: string;
  /** Of the content that was looked at; null: none was yet. */
  state: string | null;
  /** Its snapshot. */
  commit: string | null;
  /** The last one that says something; null: none did. */
  result: "green" | "red" | null;
  /** All that failed since it was green. */
  failing: string[];
  /** Whether the runs name their tests. */
  isNamed: boolean;
  /** The last result in words. */
  detail: string | null;
  /** Why the last look says nothing, in a clause; null: it says something. */
  trouble: string | null;
  /** So many events came of it. */
  events: number;
  /** Of the last event. */
  deliveryId: string | null;
  seenAt: Date;
};

export async function findWatch(db: Db, rule: string): Promise<WatchRow | null> {
  const row = await db
    .selectFrom("watches")
    .selectAll()
    .where("rule", "=", rule)
    .executeTakeFirst();
  return row ?? null;
}

export async function putWatch(db: Db, row: Omit<WatchRow, "seenAt">): Promise<void> {
  const { rule, failing, ...rest } = row;
  const values = { ...rest, failing: json(failing), seenAt: sql<Date>`now()` };
  await db
    .insertInto("watches")
    .values({ rule, ...values })
    .onConflict((conflict) => conflict.column("rule").doUpdateSet(values))
    .execute();
}

/** The rules whose watches have seen something. */
export async function listWatched(db: Db): Promise<string[]> {
  const rows = await db.selectFrom("watches").select("rule").execute();
  return rows.map(({ rule }) => rule);
}

/** Forgets the watches of all other rules. */
export async function keepWatches(db: Db, rules: readonly string[]): Promise<void> {
  await sql`delete from watches where rule <> all(${[...rules]}::text[])`.execute(db);
}
