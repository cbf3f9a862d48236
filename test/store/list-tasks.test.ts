import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/core/base/id.ts";
import { type TaskQuery, taskSorts } from "../../src/core/page/task-list.ts";
import { readCursor, writeCursor } from "../../src/daemon/service/list-cursor.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { listTasks, type Place } from "../../src/store/tasks/list-tasks.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

/** Lists of tasks: every order, every filter, and pages that fit together. */
let database: TestDatabase;
let store: Store;
const ids: string[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  store = await openStore(database.connection, { maxConnections: 3, onError: () => {} });
  for (let n = 0; n < 12; n++) {
    const id = newId("task");
    ids.push(id);
    const state = n % 3 === 0 ? "failed" : n % 3 === 1 ? "cancelled" : "queued";
    const [kind, on, reason] = state === "queued" ? ["dependency", "slot:plan", "r"] : [];
    // Pairs of the same time, and of the same cost: the id decides.
    await sql`insert into tasks (id, state, goal, repository, agent, attempt_timeout_ms, origin, created_at, updated_at, ended_at, hold_kind, hold_on, hold_reason)
      values (${id}, ${state}, ${`Goal ${n} of 100%_done`}, ${n < 6 ? "/srv/app" : "https://me:secret@forge.test/a.git"},
        'builtin', 60000, '{"source": "cli", "subject": null, "outsideText": null, "replyTo": null, "reviewedAgainst": null}',
        ${`2026-01-01T00:00:0${Math.floor(n / 2)}.000001Z`}::timestamptz, ${`2026-01-02T00:00:0${5 - Math.floor(n / 2)}.123456Z`}::timestamptz,
        ${state === "queued" ? null : new Date()}, ${kind ?? null}, ${on === undefined ? null : [on]}, ${reason ?? null})`.execute(
      store.db,
    );
    if (n % 2)
      await sql`insert into usage (task_id, role, agent, model, calls, calls_without_tokens, unpriced_calls, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, latency_ms, cost_usd)
        select ${id}, role, 'builtin', 'm', 1, 0, 0, 1, 0, 1, 0, 1, ${n % 4 === 1 ? 0.1 : 1.5}::numeric from unnest(array['coder', 'planner']) role`.execute(
        store.db,
      );
  }
});
afterAll(async () => {
  await store?.close();
  await database?.drop();
});

const all: TaskQuery = { states: [], search: null, repository: null, sort: "new", limit: 100 };
const list = async (query: Partial<TaskQuery>, after: Place | null = null) =>
  listTasks(store.db, { ...all, ...query, after });
const numbers = async (query: Partial<TaskQuery>) =>
  (await list(query)).sound.map(({ goal }) => Number(/\d+/.exec(goal)?.[0])).sort((a, b) => a - b);

test.each(taskSorts)("pages by %s hold each task once, in that order", async (sort) => {
  const whole = (await list({ sort })).sound;
  expect(whole).toHaveLength(12);
  const key = (task: (typeof whole)[number]): number =>
    sort === "cost" ? task.costUsd : (sort === "new" ? task.createdAt : task.updatedAt).getTime();
  const inOrder = whole.toSorted((a, b) => key(b) - key(a) || (a.id < b.id ? 1 : -1));
  expect(whole.map(({ id }) => id)).toEqual(inOrder.map(({ id }) => id));

  const seen: string[] = [];
  let after: Place | null = null;
  do {
    const page = await list({ sort, limit: 5 }, after);
    seen.push(...page.sound.map(({ id }) => id));
    after = page.next && readCursor(writeCursor(page.next, sort), sort);
  } while (after);
  expect(seen).toEqual(whole.map(({ id }) => id));
});

test("filters", async () => {
  expect(await numbers({ states: ["failed"] })).toEqual([0, 3, 6, 9]);
  expect(await numbers({ states: ["failed", "queued"] })).toEqual([0, 2, 3, 5, 6, 8, 9, 11]);
  expect(await numbers({ search: "goal 1" })).toEqual([1, 10, 11]);
  expect(await numbers({ search: "100%_DONE" })).toHaveLength(12);
  expect(await numbers({ search: "100%%done" })).toEqual([]);
  expect(await numbers({ search: ids[4]?.slice(8) ?? "" })).toEqual([4]);
  expect(await numbers({ repository: "/srv/app", states: ["failed"] })).toEqual([0, 3]);
  // As a list shows it, and as it was given.
  for (const repository of ["https://***@forge.test/a.git", "https://me:secret@forge.test/a.git"])
    expect(await numbers({ repository })).toEqual([6, 7, 8, 9, 10, 11]);
  expect(await numbers({ repository: "/srv" })).toEqual([]);
});

test("a row has what the task cost, and what it needs a person for", async () => {
  const id = ids[2] ?? "";
  await sql`insert into questions (id, task_id, kind, text) values ('q_1', ${id}, 'budget', 'More?')`.execute(
    store.db,
  );
  const { sound } = await list({ states: ["queued", "failed"] });
  const row = (number: number) => sound.find((task) => task.id === ids[number]);
  expect(row(2)).toMatchObject({ costUsd: 0, attention: "budget" });
  expect(row(5)).toMatchObject({ costUsd: 0.2, attention: null });
  expect(row(3)).toMatchObject({ costUsd: 3, attention: "failed" });
});

test("a cursor belongs to its order", async () => {
  const { next } = await list({ limit: 1 });
  expect(next).not.toBeNull();
  if (!next) return;
  expect(() => readCursor(writeCursor(next, "new"), "cost")).toThrow('is of the order "new"');
  const forged = Buffer.from(JSON.stringify(["cost", "1); drop", next.id])).toString("base64url");
  expect(() => readCursor(forged, "cost")).toThrow("did not come from this server");
});
