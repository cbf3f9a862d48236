import { afterAll, beforeAll, expect, test } from "vitest";
import { reportProgress } from "../../src/orchestrator/commands/commands.ts";
import { openMeter } from "../../src/roles/meter.ts";
import { openSession } from "../../src/roles/session.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { waitingForDatabase } from "../../src/store/database/outage.ts";
import type { Db } from "../../src/store/database/schema.ts";
import { getSession, takeSession } from "../../src/store/records/sessions.ts";
import { listUsage } from "../../src/store/records/usage.ts";
import { ping } from "../../src/store/tasks/tasks.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";
import { type PostgresProxy, startPostgresProxy } from "../support/postgres-proxy.ts";
import { makeRepository, mirrorOf } from "../worktree/repositories.ts";

/** A connection that breaks after the server committed what it was sent, before anybody is told. */
let bench: Bench;
let proxy: PostgresProxy;
let store: Store;
let db: Db;
beforeAll(async () => {
  bench = await makeBench();
  proxy = await startPostgresProxy(bench.database.connection);
  store = await openStore(proxy.connection, { migrate: false, onError: () => {} });
  db = waitingForDatabase(store.db);
  await bench.submitPlanned();
});
afterAll(async () => {
  await store?.close();
  await proxy?.close();
  await bench?.close();
});

const claim = async () => {
  const claimed = await bench.claim("execute");
  if (!claimed) throw new Error("nothing is ready");
  return claimed;
};

test("what only reads is asked again, for those who wait; others hear of it", async () => {
  const broken = proxy.breakAfter("select 1");
  await ping(db);
  await broken;
  void proxy.breakAfter("select 1");
  await expect(ping(store.db)).rejects.toThrow("Connection terminated");
});

test("entries, events and usage that were stored when the connection broke are stored once", async () => {
  const { taskId, subtaskId, attemptId } = await claim();
  const about = { taskId, subtaskId, attemptId };
  const { mirror, base, home } = await mirrorOf(makeRepository({ "a.txt": "base\n" }));
  const session = await openSession(db, {
    ...{ about, asked: null, role: "coder", agent: "builtin", worktree: home, mirror },
    ...{ sessionId: null, baseCommit: base, sparse: null },
  });
  let broken = proxy.breakAfter(session.name);
  await session.append([{ n: 1, text: "one" }]);
  await broken;
  broken = proxy.breakAfter('{"n":2}');
  await session.append([{ n: 2 }, { n: 3 }]);
  await broken;
  await session.append([{ n: 4 }]);
  const id = session.id() ?? "";
  expect(await getSession(bench.db, id)).toMatchObject({ entryCount: 4 });
  const entries = [{ n: 1, text: "one" }, { n: 2 }, { n: 3 }, { n: 4 }];
  expect((await takeSession(bench.db, id, attemptId))?.entries).toEqual(entries);

  broken = proxy.breakAfter("told once");
  const progress = { type: "attempt.progressed", message: "told once", data: {} } as const;
  await reportProgress(db, about, progress);
  await broken;
  const events = await bench.database.query("select id from events where message = 'told once'");
  expect(events).toHaveLength(1);

  const meter = await openMeter(
    db,
    { ...about, role: "coder", agent: "builtin", processId: bench.processId },
    { priceOf: () => null, signal: new AbortController().signal, budget: { turns: 9 } },
  );
  broken = proxy.breakAfter("model-once");
  const tokens = { inputTokens: 5, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 };
  await meter.count({ model: "model-once", tokens, latencyMs: 1, costUsd: 1 });
  await broken;
  await meter.close();
  expect(await listUsage(bench.db, taskId)).toMatchObject([{ calls: 1, inputTokens: 5 }]);
});

test("entries that another attempt stored meanwhile are not taken for one's own", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository({ "a.txt": "base\n" }));
  const [task] = await bench.database.query<{ id: string }>("select id from tasks");
  const about = { taskId: task?.id ?? "", subtaskId: null, attemptId: null };
  const open = (sessionId: string | null) =>
    openSession(db, {
      ...{ about, asked: null, role: "planner", agent: "builtin", worktree: home, mirror },
      ...{ sessionId, baseCommit: base, sparse: null },
    });
  const first = await open(null);
  await first.append([{ n: 1 }]);
  const second = await open(first.id());
  await second.append([{ n: 2, by: "second" }]);
  void proxy.breakAfter('"by":"first"');
  await expect(first.append([{ n: 2, by: "first" }])).rejects.toThrow("already continued");
});
