import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openStore, type Store } from "../../src/store/database/open.ts";
import type { Db, Tx } from "../../src/store/database/schema.ts";
import { inTransaction } from "../../src/store/database/transaction.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

/** Pipelined transactions: order, errors, and connections that are lost. */
let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await createTestDatabase();
  store = await openStore(database.connection, { maxConnections: 3, onError: () => {} });
  await sql`create table notes (id int primary key, text text)`.execute(store.db);
});
beforeEach(() => sql`truncate notes`.execute(store.db));
afterAll(async () => {
  await store?.close();
  await database?.drop();
});

const add = (db: Db | Tx, id: number, text = "") =>
  sql`insert into notes values (${id}, ${text})`.execute(db);
const count = async (db: Db | Tx = store.db) =>
  (await sql<{ n: string }>`select count(*) as n from notes`.execute(db)).rows[0]?.n;

test("what is asked at once is run in order, and committed with what goes out last", async () => {
  const seen = await inTransaction(
    store.db,
    async (tx) => (await Promise.all([count(tx), add(tx, 1), count(tx), add(tx, 2), count(tx)]))[4],
    (tx) => sql`insert into notes values (3, 'last')`.compile(tx),
  );
  expect(seen).toBe("2");
  expect(await count()).toBe("3");
});

test("an error rolls back what was asked with it, and its transaction is asked nothing more", async () => {
  let late: Promise<unknown> = Promise.resolve();
  const failing = inTransaction(store.db, async (tx) => {
    late = add(tx, 1)
      .then(() => new Promise((done) => setTimeout(done, 20)))
      .then(() => add(tx, 4)); // still at work when the others have failed
    await Promise.all([late, add(tx, 2), add(tx, 2), add(tx, 3)]);
  });
  await expect(failing).rejects.toThrow("duplicate key");
  await expect(late).rejects.toThrow(/no statement is issued|aborted/);
  expect(await count()).toBe("0");
  await inTransaction(store.db, (tx) => add(tx, 5));
  expect(await count()).toBe("1");
});

test("a last statement that fails takes all of it back", async () => {
  const failing = inTransaction(
    store.db,
    (tx) => add(tx, 1),
    (tx) => sql`insert into notes values (1, 'again')`.compile(tx),
  );
  await expect(failing).rejects.toThrow("duplicate key");
  expect(await count()).toBe("0");
});

test("an error that was swallowed is no commit", async () => {
  const failing = inTransaction(store.db, async (tx) => {
    await add(tx, 1);
    await add(tx, 1).catch(() => {});
  });
  await expect(failing).rejects.toThrow("rolled back by the server");
  expect(await count()).toBe("0");
});

test("two transactions that wait for each other: one of them is told", async () => {
  await add(store.db, 1);
  await add(store.db, 2);
  let locked = 0;
  let bothAre = () => {};
  const bothLocked = new Promise<void>((resolve) => {
    bothAre = resolve;
  });
  const swap = (first: number, second: number) =>
    inTransaction(store.db, async (tx) => {
      await sql`select from notes where id = ${first} for update`.execute(tx);
      if (++locked === 2) bothAre();
      await bothLocked;
      await sql`select from notes where id = ${second} for update`.execute(tx);
    });
  const ends = await Promise.allSettled([swap(1, 2), swap(2, 1)]);
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(ends.find(({ status }) => status === "rejected")).toMatchObject({
    reason: { code: "40P01" },
  });
});

test("a thousand short reads at once get their own answers through few connections", async () => {
  const asked = Array.from({ length: 1_000 }, (_, i) => i);
  const echo = async (i: number) =>
    (await sql<{ i: number }>`select ${i}::int as i`.execute(store.db)).rows[0]?.i;
  expect(await Promise.all(asked.map(echo))).toEqual(asked);
  const errors = await Promise.allSettled([echo(1), sql`select 1 / 0`.execute(store.db), echo(2)]);
  expect(errors.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("in a transaction a short read is part of it", async () => {
  await inTransaction(store.db, async (tx) => {
    await add(tx, 1);
    expect(await count(tx)).toBe("1");
    expect(await count(store.db)).toBe("0");
  });
});

test("a connection that is cut ends what is under way on it with an error, and nothing else", async () => {
  const cut = inTransaction(store.db, async (tx) => {
    await add(tx, 1);
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
    await sql`select pg_terminate_backend(${rows[0]?.pid ?? 0})`.execute(store.db);
    await add(tx, 2);
  });
  await expect(cut).rejects.toThrow();
  const shared = sql`select pg_terminate_backend(pg_backend_pid())`.execute(store.db);
  await expect(shared).rejects.toThrow();
  // The pool drops a connection when it learns of its end, which may be after its last error.
  await until(() => count(store.db).catch(() => null), "another connection answers");
  expect(await count(store.db)).toBe("0");
  await inTransaction(store.db, (tx) => add(tx, 3));
  expect(await count()).toBe("1");
});
