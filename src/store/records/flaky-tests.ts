import { sql } from "kysely";
import type { Db, Tx } from "../database/schema.ts";

/** A test that was seen to pass and fail on one commit, without any change. */
export type FlakyTest = {
  repository: string;
  /** The check's command: under another one the same test may be stable. */
  command: string;
  test: string;
  timesFlipped: number;
  firstSeenAt: Date;
  lastSeenAt: Date;
};

const maxAtOnce = 500;

/** Counts a flip of each of these tests of a check. */
export async function recordFlips(
  db: Db | Tx,
  of: { repository: string; command: string },
  tests: readonly string[],
): Promise<void> {
  const names = [...new Set(tests)].slice(0, maxAtOnce);
  if (names.length === 0) return;
  await db
    .insertInto("flakyTests")
    .values(names.map((test) => ({ ...of, test })))
    .onConflict((conflict) =>
      conflict.columns(["repository", "command", "test"]).doUpdateSet({
        timesFlipped: sql<number>`flaky_tests.times_flipped + 1`,
        lastSeenAt: sql<Date>`now()`,
      }),
    )
    .execute();
}

/** The quarantined tests of a check. A test leaves when its row expires without another flip. */
export async function listFlakyTests(
  db: Db | Tx,
  of: { repository: string; command: string },
): Promise<FlakyTest[]> {
  return db
    .selectFrom("flakyTests")
    .selectAll()
    .where("repository", "=", of.repository)
    .where("command", "=", of.command)
    .orderBy("test")
    .execute();
}
