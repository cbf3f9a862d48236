import { type RawBuilder, sql } from "kysely";
import type { ListedRow, TaskQuery, TaskSort } from "../../core/page/task-list.ts";
import { attentionOf } from "../../core/page/task-list.ts";
import type { QuestionKind } from "../../core/task/question.ts";
import type { ListedTask } from "../../core/task/task.ts";
import type { Garbled } from "../../core/task/task-detail.ts";
import { readEach } from "../database/garbled.ts";
import { givenNames } from "../database/given-columns.ts";
import { toListedTask } from "../database/rows.ts";
import type { Db } from "../database/schema.ts";

/**
 * Pages of tasks. Each order has a key that, with the id, tells where the next page begins; a task whose
 * key changes meanwhile (it was updated, it cost more) may move over that place, all others are in
 * exactly one page. By age, update and repository there are indexes; by cost the accounts are summed.
 */
export type Place = { key: string; id: string };

/** All columns but those that may hold megabytes. */
const listedColumns = [
  ...givenNames.filter((name) => name !== "attachments" && name !== "planInput"),
  "id",
  "state",
  "epoch",
  "preparation",
  "headCommit",
  "branch",
  "deliveredCommit",
  "deliveryUrl",
  "endDetail",
  "cancelRequestedAt",
  "pausedAt",
  "acceptedAt",
  "rolledBackAt",
  "discardedAt",
  "prunedAt",
  "takenBack",
  "stageFailures",
  "postponed",
  "createdAt",
  "updatedAt",
  "endedAt",
  "holdKind",
  "holdOwner",
  "holdAt",
  "holdReason",
  "holdQuestionId",
  "holdOn",
  "holdSince",
] as const;

/** As text, exactly: a Date keeps only milliseconds, a cursor must not skip rows. */
const keys: Record<
  TaskSort,
  { key: RawBuilder<string>; read: (key: string) => RawBuilder<unknown> }
> = {
  new: { key: sql`created_at`, read: (key) => sql`${key}::timestamptz` },
  updated: { key: sql`updated_at`, read: (key) => sql`${key}::timestamptz` },
  cost: { key: sql`coalesce(cost, 0)`, read: (key) => sql`${key}::numeric` },
};

export async function listTasks(
  db: Db,
  query: TaskQuery & { after: Place | null },
): Promise<{ sound: ListedRow[]; garbled: Garbled[]; next: Place | null }> {
  const { after, limit, repository, search, sort, states } = query;
  const { key, read } = keys[sort];
  let select = db.selectFrom("tasks").select(listedColumns);
  if (sort === "cost")
    select = select.leftJoin(
      sql<{
        taskId: string;
        cost: string;
      }>`(select task_id, sum(cost_usd) as cost from usage group by task_id)`.as("spent"),
      "spent.taskId",
      "tasks.id",
    ) as typeof select;
  const [state] = states;
  if (state !== undefined && states.length === 1) select = select.where("state", "=", state);
  else if (states.length > 0) select = select.where("state", "in", states);
  if (repository !== null)
    // A password in a URL is hidden from whoever asks.
    select = select.where("repository", "in", (of) =>
      of
        .selectFrom("tasks")
        .select("repository")
        .distinct()
        .where(
          sql<boolean>`${repository} in (repository, regexp_replace(repository, '^([a-z+]+://)[^/@]*:[^/@]*@', '\\1***@'))`,
        ),
    );
  if (search !== null) {
    const pattern = `%${search.replace(/[\\%_]/g, "\\$&")}%`;
    select = select.where(
      sql<boolean>`(goal ilike ${pattern} or id ilike ${pattern} or origin->>'subject' ilike ${pattern} or origin->>'outsideText' ilike ${pattern})`,
    );
  }
  if (after) select = select.where(sql<boolean>`(${key}, id) < (${read(after.key)}, ${after.id})`);
  const rows = await select
    .select(sql<string>`(${key})::text`.as("sortKey"))
    .orderBy(key, "desc")
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  const { garbled, sound } = readEach(page, ({ sortKey: _, ...row }) => toListedTask(row));
  return {
    sound: await addMore(db, sound),
    garbled,
    next: last ? { key: last.sortKey, id: last.id } : null,
  };
}

/** What a list shows that is not in the task's own row. */
async function addMore(db: Db, tasks: ListedTask[]): Promise<ListedRow[]> {
  if (tasks.length === 0) return [];
  const ids = tasks.map(({ id }) => id);
  const [costs, questions] = await Promise.all([
    db
      .selectFrom("usage")
      .select(["taskId", sql<number>`sum(cost_usd)::float8`.as("costUsd")])
      .where("taskId", "in", ids)
      .groupBy("taskId")
      .execute(),
    db
      .selectFrom("questions")
      .select(["taskId", "kind"])
      .where("taskId", "in", ids)
      .where("answeredAt", "is", null)
      .orderBy("askedAt")
      .execute(),
  ]);
  const costOf = new Map(costs.map(({ costUsd, taskId }) => [taskId, costUsd]));
  const kindsOf = (id: string): QuestionKind[] =>
    questions.filter(({ taskId }) => taskId === id).map(({ kind }) => kind);
  return tasks.map((task) => ({
    ...task,
    costUsd: costOf.get(task.id) ?? 0,
    attention: attentionOf(task, kindsOf(task.id)),
  }));
}
