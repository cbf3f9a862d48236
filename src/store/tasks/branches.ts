import { sql } from "kysely";
import type { Task } from "../../core/task/task.ts";
import type { Db } from "../database/schema.ts";

/** Whether this commit of this branch is what another task delivered to the task's repository. */
export async function isDeliveredByAnother(
  db: Db,
  { id, repository }: Pick<Task, "id" | "repository">,
  branch: string,
  commit: string,
): Promise<boolean> {
  const row = await db
    .selectFrom("tasks")
    .select("id")
    .where("repository", "=", repository)
    .where("branch", "=", branch)
    .where("deliveredCommit", "=", commit)
    .where("id", "<>", id)
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
