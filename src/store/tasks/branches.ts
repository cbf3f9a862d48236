import { sql } from "kysely";
import type { Db } from "../database/schema.ts";

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

/**
 * Whether a task of ours made a branch of a GitHub repository: it delivered, or is delivering, this
 * very commit, or it delivered to this branch and others have added to it since. The repository may
 * be stored under any of its URLs.
 */
export async function isBranchOfOurs(
  db: Db,
  of: { repository: string; clone: string; branch: string; commit: string; inRepository: boolean },
): Promise<boolean> {
  const name = of.repository.toLowerCase();
  const { rows } = await sql`
    select 1 from tasks
    where head_commit = ${of.commit} or delivered_commit = ${of.commit}
      or (${of.inRepository} and branch = ${of.branch} and (
        repository = ${of.clone}
        or right(regexp_replace(lower(repository), '(\\.git)?/*$', ''), ${name.length + 1}) in (${`/${name}`}, ${`:${name}`})))
    limit 1`.execute(db);
  return rows.length > 0;
}
