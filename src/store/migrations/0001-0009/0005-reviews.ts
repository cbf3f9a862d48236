import { type Kysely, type Migration, sql } from "kysely";
import { assurances } from "../../../core/review/review.ts";

/**
 * Answers of reviewers and judges, stored as soon as they arrive, so that a repeated verification
 * asks nobody twice. The conclusions are in the attempt's verdict.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  const run = (query: ReturnType<typeof sql>) => query.execute(db);
  const list = sql.raw(assurances.map((word) => `'${word}'`).join(", "));
  await run(sql`create table reviews (
    attempt_id text not null references attempts,
    -- review: of the change; judge: of answers to findings; arbiter: of what reviewers disagree about.
    kind text not null,
    seat int not null,
    agent text not null,
    -- The answer as it came; null: there is none, and problem says why.
    output jsonb,
    problem text,
    at timestamptz not null default clock_timestamp(),
    primary key (attempt_id, kind, seat),
    constraint reviews_answer_or_problem check (num_nonnulls(output, problem) = 1))`);
  // Null: the caller did not say; the configuration and the agent decide.
  await run(sql`alter table tasks add column assurance text
    constraint tasks_assurance check (assurance in (${list}))`);
}

export const reviewsMigration: Migration = { up };
