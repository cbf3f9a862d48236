import { readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type Migration, Migrator } from "kysely";
import { expect, test } from "vitest";
import { openStore } from "../../src/store/database/open.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** A database of another version: a newer one is refused, an older one is brought forward with a backup. */
const { deputy, repository } = withDeputy({ files: { "README.md": "# Here\n" } });

const query = async (sql: string) => (await deputy.database?.query<{ n: string }>(sql)) ?? [];
const backups = async () =>
  (await query("select nspname as n from pg_namespace where nspname like 'backup%'")).map(
    ({ n }) => n,
  );

test("an older daemon refuses a newer database in one sentence, and changes nothing", async () => {
  const task = await deputy.run({
    ...{ repository: repository.path, goal: "Be there", agent: "command:echo t > t.txt" },
  });
  expect(task.state, task.end_detail).toBe("completed");
  await deputy.stop();
  await query(
    "insert into app.kysely_migration (name, timestamp) values ('0999-future', '2030-01-01T00:00:00.000Z')",
  );
  const processes = await query("select id as n from processes");
  const sentence =
    /The database was used by a newer Deputy: it has the schema 0999-future, and this version knows those up to \d{4}-[\w-]+\. Start that version or a later one; nothing was changed\.\n$/;
  for (const verb of ["up", "worker"]) {
    const refused = await deputy.cli([verb]);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toMatch(sentence);
    expect(refused.stderr.trim().split("\n")).toHaveLength(1);
  }
  expect((await deputy.cli(["doctor"])).stdout).toMatch(/✗ database +The database was used by a/);
  expect(await query("select id as n from processes")).toEqual(processes);
  await query("delete from app.kysely_migration where name = '0999-future'");
  await deputy.start();
  expect((await deputy.api("GET", `/v1/tasks/${task.id}`)).body.task.state).toBe("completed");
});

/** The database as the version that ended with this migration left it, empty. */
async function makeOlder(last: string): Promise<void> {
  if (!deputy.database) throw new Error("it has a database of its own");
  await query("drop schema app cascade");
  await query("create schema app");
  const folder = resolve(import.meta.dirname, "../../src/store/migrations");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const migrations = await Promise.all(
    files.map(async (file) => {
      const made: Record<string, Migration> = await import(join(folder, file));
      return [basename(file, ".ts"), Object.values(made)[0] as Migration] as const;
    }),
  );
  const { connection } = deputy.database;
  const store = await openStore(connection, { migrate: false, onError: () => {} });
  try {
    const { error } = await new Migrator({
      ...{ db: store.db, migrationTableSchema: "app" },
      provider: { getMigrations: async () => Object.fromEntries(migrations) },
    }).migrateTo(last);
    if (error) throw error;
  } finally {
    await store.close();
  }
}

test("an older database is brought forward; what that changes is copied before, and kept for a time", async () => {
  // A fresh database had nothing to copy.
  expect(await backups()).toEqual([]);
  await deputy.stop();
  await makeOlder("0022-freezes");
  await query(
    "insert into processes (id, kind, pid, host, ended_at) values ('prc_old', 'daemon', 1, 'here', now())",
  );
  const before = await query("select id as n from processes order by id");
  // Only a daemon brings it forward: one of the older version may be at work on it.
  const worker = await deputy.cli(["worker"]);
  expect(worker.code).toBe(2);
  expect(worker.stderr).toMatch(
    /^deputy: The database has the schema 0022-freezes, and this version needs \S+; start the daemon of this version first\.\n$/,
  );
  await deputy.start();
  expect(await backups()).toContain("backup_0023_boots");
  expect(await query("select id as n from backup_0023_boots.processes order by id")).toEqual(
    before,
  );
  const columns =
    "select column_name as n from information_schema.columns where table_schema = 'backup_0023_boots'";
  expect((await query(columns)).map(({ n }) => n)).not.toContain("ended_cleanly");
  expect(await query("select count(*) as n from processes where ended_cleanly")).toEqual([
    { n: String(before.length) },
  ]);

  // `retention_days` after the migration; each start looks.
  await deputy.stop();
  await deputy.start();
  expect(await backups()).toContain("backup_0023_boots");
  await deputy.stop();
  await query("update app.kysely_migration set timestamp = '2020' || substr(timestamp, 5)");
  await deputy.start();
  await until(async () => (await backups()).length === 0, "the backup is forgotten");
});
