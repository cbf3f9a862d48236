import { type Kysely, sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/core/base/id.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import type { Database } from "../../src/store/database/schema.ts";
import { readChanges, settleTransactions } from "../../src/store/records/changes.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

/** One reader of all tasks, while others write at the same time. */
let database: TestDatabase;
let store: Store;
const clients: pg.Client[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  store = await openStore(database.connection, { maxConnections: 3, onError: () => {} });
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
  await store?.close();
  await database?.drop();
});

const cursor = async () => (await readChanges(store.db, null)).cursor;
const since = (from: string) => readChanges(store.db, from);
const idsSince = async (from: string) => (await since(from)).tasks?.map(({ id }) => id).sort();

async function makeTask(): Promise<string> {
  const id = newId("task");
  await sql`insert into tasks (id, state, goal, repository, agent, attempt_timeout_ms, origin, hold_kind, hold_on, hold_reason)
    values (${id}, 'queued', 'g', '/r', 'builtin', 1, '{}', 'dependency', array['slot:plan'], 'r')`.execute(
    store.db as Kysely<Database>,
  );
  return id;
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ ...database.connection, options: "-c search_path=app" });
  await client.connect();
  clients.push(client);
  return client;
}

const append = async (client: pg.Client, taskId: string): Promise<number> => {
  const { rows } = await client.query(
    "insert into events (id, task_id, type, message) values ($1, $2, 'task.planning', 'm') returning seq",
    [newId("event"), taskId],
  );
  return Number(rows[0].seq);
};

test("a lower number that is committed after a higher one is not lost, and nothing is told twice", async () => {
  const [early, late] = [await makeTask(), await makeTask()];
  const [slow, fast] = [await connect(), await connect()];
  const start = await cursor();

  await slow.query("begin");
  const lower = await append(slow, early);
  const higher = await append(fast, late); // commits at once
  expect(lower).toBeLessThan(higher);

  // Whoever reads by numbers stands at the higher one from here, and never sees the lower one.
  const byNumber = await fast.query("select seq from events where seq >= $1", [lower]);
  expect(byNumber.rows.map(({ seq }) => Number(seq))).toEqual([higher]);

  // Ours tells of it at once, though an earlier transaction is still open.
  const first = await since(start);
  expect(first.tasks).toMatchObject([{ id: late, state: "queued" }]);
  expect(await idsSince(first.cursor)).toEqual([]);

  await slow.query("commit");
  const lostByNumber = await fast.query("select seq from events where seq > $1", [higher]);
  expect(lostByNumber.rows).toEqual([]);
  const second = await since(first.cursor);
  expect(second.tasks).toMatchObject([{ id: early }]);
  expect(await idsSince(second.cursor)).toEqual([]);
  expect(await idsSince(start)).toEqual([early, late].sort());
});

test("many writers at once: each commit is in exactly one answer", async () => {
  const tasks = await Promise.all(Array.from({ length: 60 }, makeTask));
  const writers = await Promise.all(Array.from({ length: 6 }, connect));
  let from = await cursor();
  const seen: string[] = [];
  let isOver = false;
  const reading = (async () => {
    for (let last = false; !last; ) {
      last = isOver;
      const { cursor: next, tasks: changed } = await since(from);
      from = next;
      seen.push(...(changed ?? []).map(({ id }) => id));
    }
  })();
  await Promise.all(
    writers.map(async (writer, number) => {
      // Each holds several transactions' numbers for a while before it commits.
      for (const task of tasks.filter((_, index) => index % writers.length === number)) {
        await writer.query("begin");
        await append(writer, task);
        await writer.query(number % 2 ? "select count(*) from events" : "select 1");
        await writer.query("commit");
      }
    }),
  );
  isOver = true;
  await reading;
  expect(seen.sort()).toEqual([...tasks].sort());
});

test("a cursor that leads nowhere says so", async () => {
  const good = await cursor();
  const [series = "", snapshot = ""] = good.split(".");
  for (const bad of [
    ...["", "12", "x", `${series}.1:2`, `${series}.5:3:`, `${series}.3:5:5`, `${series}.3:9:5,4`],
    `${"0".repeat(8)}.${snapshot}`,
    `${series}.9999999:9999999:`,
  ])
    expect(await since(bad), bad).toMatchObject({ tasks: null, reason: expect.any(String) });
  expect(await since(good)).toMatchObject({ tasks: [], reason: null });
  await settleTransactions(store.db);
  expect(await since(good)).toMatchObject({ tasks: [], reason: null });
});

test("more than is told one by one is read anew", async () => {
  const start = await cursor();
  await sql`insert into tasks (id, state, goal, repository, agent, attempt_timeout_ms, origin, hold_kind, hold_on, hold_reason)
    select 'task_' || n, 'queued', 'g', '/r', 'builtin', 1, '{}', 'dependency', array['slot:plan'], 'r'
    from generate_series(1, 501) n`.execute(store.db);
  await sql`insert into events (id, task_id, type, message) select 'e' || n, 'task_' || n, 'task.created', 'm'
    from generate_series(1, 501) n`.execute(store.db);
  expect((await since(start)).tasks).toBeNull();
});

test("rows of another server, whose transactions this one has yet to reach, become old ones", async () => {
  const task = await makeTask();
  const [writer] = clients;
  if (!writer) throw new Error("there is a writer");
  await append(writer, task);
  const before = await cursor();
  await sql`update events set xid = '900000000'::xid8 where task_id = ${task}`.execute(store.db);
  expect(await idsSince(before)).toEqual([task]);
  await settleTransactions(store.db);
  expect((await since(before)).tasks).toBeNull();
  const now = await cursor();
  await append(writer, task);
  const told = await since(now);
  expect(told.tasks).toMatchObject([{ id: task }]);
  expect(await idsSince(told.cursor)).toEqual([]);
});
