import { type Migration, Migrator, sql } from "kysely";
import { DeputyError } from "../../core/base/error.ts";
import { initialMigration } from "../migrations/0001-0009/0001-initial.ts";
import { sessionsMigration } from "../migrations/0001-0009/0002-sessions.ts";
import { usageMigration } from "../migrations/0001-0009/0003-usage.ts";
import { plansMigration } from "../migrations/0001-0009/0004-plans.ts";
import { reviewsMigration } from "../migrations/0001-0009/0005-reviews.ts";
import { confinementMigration } from "../migrations/0001-0009/0006-confinement.ts";
import { openCallsMigration } from "../migrations/0001-0009/0007-open-calls.ts";
import { postponedMigration } from "../migrations/0001-0009/0008-postponed.ts";
import { retentionMigration } from "../migrations/0001-0009/0009-retention.ts";
import { commentsMigration } from "../migrations/0010-0029/0015-comments.ts";
import { flakyTestsMigration } from "../migrations/0010-0029/0016-flaky-tests.ts";
import { proofMigration } from "../migrations/0010-0029/0017-proof.ts";
import { wordsMigration } from "../migrations/0010-0029/0018-words.ts";
import { listMigration } from "../migrations/0010-0029/0019-list.ts";
import { fallbacksMigration } from "../migrations/0010-0029/0020-fallbacks.ts";
import { signsMigration } from "../migrations/0010-0029/0021-signs-of-life.ts";
import { freezesMigration } from "../migrations/0010-0029/0022-freezes.ts";
import { bootsMigration } from "../migrations/0010-0029/0023-boots.ts";
import { rolledBackMigration } from "../migrations/0010-0029/0024-rolled-back.ts";
import { replansMigration } from "../migrations/0010-0029/0026-replans.ts";
import { reportsMigration } from "../migrations/0010-0029/0027-reports.ts";
import { storiesMigration } from "../migrations/0030-stories.ts";
import { uncommittedMigration } from "../migrations/0031-uncommitted.ts";
import { freshMigration } from "../migrations/0032-fresh.ts";
import { mannersMigration } from "../migrations/0034-manners.ts";
import { asksMigration } from "../migrations/0035-asks.ts";
import { devicesMigration } from "../migrations/0035-devices.ts";
import { triggersMigration } from "../migrations/0036-triggers.ts";
import { repairsMigration } from "../migrations/0037-repairs.ts";
import { reconcileMigration } from "../migrations/0038-reconcile.ts";
import { watchesMigration } from "../migrations/0039-watches.ts";
import { checkReportsMigration } from "../migrations/0040-check-reports.ts";
import { browsersMigration } from "../migrations/0041-browsers.ts";
import { liveMigration } from "../migrations/0042-live.ts";
import { answersMigration } from "../migrations/0044-answers.ts";
import { writtenCommentsMigration } from "../migrations/0045-written-comments.ts";
import { machinesMigration } from "../migrations/0046-machines.ts";
import { backUpTables } from "./backups.ts";
import type { Db } from "./schema.ts";

/** The schema's versions, in order; each is one migration. */
const migrations: Record<string, Migration> = {
  "0001-initial": initialMigration,
  "0002-sessions": sessionsMigration,
  "0003-usage": usageMigration,
  "0004-plans": plansMigration,
  "0005-reviews": reviewsMigration,
  "0006-confinement": confinementMigration,
  "0007-open-calls": openCallsMigration,
  "0008-postponed": postponedMigration,
  "0009-retention": retentionMigration,
  "0015-comments": commentsMigration,
  "0016-flaky-tests": flakyTestsMigration,
  "0017-proof": proofMigration,
  "0018-words": wordsMigration,
  "0019-list": listMigration,
  "0020-fallbacks": fallbacksMigration,
  "0021-signs-of-life": signsMigration,
  "0022-freezes": freezesMigration,
  "0023-boots": bootsMigration,
  "0024-rolled-back": rolledBackMigration,
  "0026-replans": replansMigration,
  "0027-reports": reportsMigration,
  "0030-stories": storiesMigration,
  "0031-uncommitted": uncommittedMigration,
  "0032-fresh": freshMigration,
  "0034-manners": mannersMigration,
  "0035-asks": asksMigration,
  "0035-devices": devicesMigration,
  "0036-triggers": triggersMigration,
  "0037-repairs": repairsMigration,
  "0038-reconcile": reconcileMigration,
  "0039-watches": watchesMigration,
  "0040-check-reports": checkReportsMigration,
  "0041-browsers": browsersMigration,
  "0042-live": liveMigration,
  "0044-answers": answersMigration,
  "0045-written-comments": writtenCommentsMigration,
  "0046-machines": machinesMigration,
};

const newest = Object.keys(migrations).at(-1);

/** The tables whose rows a migration changes or loses: they are copied before, in its transaction. */
const changedTables: Record<string, readonly string[]> = {
  "0003-usage": ["attempts"],
  "0018-words": ["processes", "boots", "attempts", "said", "events", "transcript"],
  "0023-boots": ["processes"],
  "0041-browsers": ["devices"],
};

/**
 * Brings the schema up to date: all pending migrations in one transaction, or none. Throws a
 * DeputyError, and changes nothing, if a newer version was here; or an older one, which may be at
 * work on it, where this is no upgrade.
 */
export async function migrate(db: Db, mayUpgrade: boolean): Promise<void> {
  const newer = await findNewerVersion(db);
  if (newer !== null) throw new DeputyError("conflict", newer);
  const [found] = await listVersions(db);
  if (!mayUpgrade && found !== undefined && found !== newest)
    throw new DeputyError(
      "conflict",
      `The database has the schema ${found}, and this version needs ${newest}; start the daemon of this version first.`,
    );
  const backed = Object.entries(migrations).map(([name, migration]): [string, Migration] => [
    name,
    {
      up: async (tx) => {
        await backUpTables(tx, name, changedTables[name] ?? []);
        await migration.up(tx);
      },
    },
  ]);
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => Object.fromEntries(backed) },
    migrationTableSchema: "app",
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

/** One sentence if the database has a migration that this version does not know; else null. */
export async function findNewerVersion(db: Db): Promise<string | null> {
  const unknown = (await listVersions(db)).find((name) => !Object.hasOwn(migrations, name));
  if (unknown === undefined) return null;
  return `The database was used by a newer Deputy: it has the schema ${unknown}, and this version knows those up to ${newest}. Start that version or a later one; nothing was changed.`;
}

/** The migrations that the database has, newest first; none if it was never used. */
async function listVersions(db: Db): Promise<string[]> {
  const { rows: tables } = await sql<{ found: boolean }>`
    select to_regclass('app.kysely_migration') is not null as found`.execute(db);
  if (!tables[0]?.found) return [];
  const { rows } = await sql<{ name: string }>`
    select name from app.kysely_migration order by name desc`.execute(db);
  return rows.map(({ name }) => name);
}
