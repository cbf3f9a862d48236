import { type Kysely, type Migration, sql } from "kysely";
import { proofLevels } from "../../../core/proof/proof.ts";

/** How much proof a task requires, and which judge files it may change. */
async function up(db: Kysely<unknown>): Promise<void> {
  const list = sql.raw(proofLevels.map((word) => `'${word}'`).join(", "));
  await sql`alter table tasks
    add column allow jsonb not null default '[]',
    -- Null: the caller did not say; the repository and the configuration decide.
    add column proof text constraint tasks_proof check (proof in (${list}))`.execute(db);
  await sql`alter table subtasks
    -- What a person accepted: path, content, and the words.
    add column accepted_judges jsonb not null default '[]',
    -- What a person wants the work delivered without.
    add column without_paths jsonb not null default '[]'`.execute(db);
}

export const proofMigration: Migration = { up };
