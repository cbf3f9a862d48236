import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { openStore } from "../dist/store/database/open.js";
import {
  appendEvent,
  inTransition,
  lockTask,
  moveTask,
  wakeStage,
} from "../dist/store/tasks/transition.js";
import {
  endProcess,
  makeDatabase,
  makeRepository,
  median,
  startDaemon,
  startProcess,
} from "./support.mjs";

/**
 * What the database is asked for: state transitions a second at 32 connections on the embedded server,
 * beside the same commits without notifications; commits, rows and bytes of a trivial task; and how long
 * a list of tasks takes in front of a long backlog.
 */
const connections = 32;
const seconds = Number(process.env.BENCH_SECONDS ?? 5);

export async function benchTransitions() {
  const database = await makeDatabase();
  const store = await openStore(database.connection, {
    maxConnections: connections,
    onError: () => {},
  });
  const ids = Array.from({ length: connections }, (_, i) => `task_bench${i}`);
  const admin = await connect(database);
  for (const id of ids)
    await admin.query(
      `insert into tasks (id, state, hold_kind, hold_reason, hold_on, goal, repository, agent, mode, delivery, attempt_timeout_ms, origin)
        values ($1, 'queued', 'dependency', 'bench', '{slot:plan}', 'bench', '/nowhere', 'command:true', 'auto', 'branch', 1000, '{"source":"http","subject":null,"outsideText":null,"replyTo":null,"reviewedAgainst":null}')`,
      [id],
    );
  const clients = new Map();
  for (const id of ids) clients.set(id, await connect(database));
  const commits = await rate(ids, (id) => commitAlone(clients.get(id), id));
  const transitions = await rate(ids, (id) =>
    inTransition(store.db, async (tx) => {
      const { task } = await lockTask(tx, id);
      await moveTask(tx, task, task.state, task.hold, {});
      await appendEvent(tx, id, { type: "task.planning", message: "bench" });
      await wakeStage(tx, "plan", id, null);
    }),
  );
  for (const client of [admin, ...clients.values()]) await client.end();
  await store.close();
  await database.drop();
  return { transitions, commits };
}

/** Runs `work` for each id as often as it goes; completions a second, once connections and code are warm. */
async function rate(ids, work) {
  await repeat(ids, work, 3);
  return repeat(ids, work, seconds);
}

async function repeat(ids, work, seconds) {
  const until = performance.now() + seconds * 1_000;
  let done = 0;
  const startedAt = performance.now();
  await Promise.all(
    ids.map(async (id) => {
      while (performance.now() < until) {
        await work(id);
        done++;
      }
    }),
  );
  return done / ((performance.now() - startedAt) / 1_000);
}

/** The least that could be called a transition: one row updated, one row inserted, one commit. */
async function commitAlone(client, id) {
  await client.query("begin");
  await client.query("select id from tasks where id = $1 for update", [id]);
  await client.query("update tasks set updated_at = now() where id = $1", [id]);
  await client.query(
    "insert into events (id, task_id, type, message, data) values (gen_random_uuid()::text, $1, 'task.planning', 'bench', '{}')",
    [id],
  );
  await client.query("commit");
}

async function connect({ connection }) {
  const client = new pg.Client({ ...connection, options: "-c search_path=app" });
  client.on("error", () => {}); // the server is stopped after a failure, which is reported
  await client.connect();
  return client;
}

const tasks = Number(process.env.BENCH_TASKS ?? 40);

export async function benchTrivial() {
  const repository = await makeRepository(5);
  const daemon = await startDaemon();
  const admin = await connect(daemon.database);
  const submit = (number) =>
    daemon.api("POST", "/v1/tasks", {
      goal: `Write a line, ${number}`,
      repository,
      agent: "command:echo done > done.txt",
      checks: ["true"],
    });
  const read = async () => {
    await sleep(3_000); // statistics are flushed late, and rounds by the clock pass
    const { rows } = await admin.query(
      `select (select xact_commit from pg_stat_database where datname = current_database())::int as commits,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint as written,
        pg_database_size(current_database())::bigint as bytes,
        (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'bullmq')::int as tables`,
    );
    const { commits, written, bytes } = rows[0];
    return {
      commits,
      written: Number(written),
      bytes: Number(bytes),
      home: await sizeOf(daemon.home),
    };
  };
  for (let i = 0; i < 3; i++) await daemon.untilOver((await submit(`warm ${i}`)).id);
  // An idle daemon commits, too: what it does by the clock is taken off.
  const idleFrom = await read();
  const idleAt = performance.now();
  await sleep(10_000);
  const idleTo = await read();
  const idleMs = performance.now() - idleAt;
  const before = await read();
  const startedAt = performance.now();
  for (let i = 0; i < tasks; i++) await daemon.untilOver((await submit(i)).id);
  const after = await read();
  const tookMs = performance.now() - startedAt;
  await admin.query("vacuum");
  await admin.end();
  await daemon.stop();
  const perTask = (what) =>
    (after[what] - before[what] - ((idleTo[what] - idleFrom[what]) / idleMs) * tookMs) / tasks;
  return {
    commits: perTask("commits"),
    written: perTask("written"),
    databaseKb: (after.bytes - before.bytes) / tasks / 1_024,
    homeKb: (after.home - before.home) / tasks / 1_024,
  };
}

/** Bytes of all files below a folder, as the disk holds them. */
async function sizeOf(folder) {
  await mkdir(folder, { recursive: true });
  const names = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

export async function benchList() {
  const repository = await makeRepository(5);
  const daemon = await startDaemon({ DEPUTY_CONCURRENCY: "0" });
  const admin = await connect(daemon.database);
  const body = { goal: "Wait", repository, agent: "command:true", checks: ["true"] };
  const times = async () => {
    const list = [];
    for (let i = 0; i < 30; i++) {
      const startedAt = performance.now();
      await daemon.api("GET", "/v1/tasks?state=queued&limit=20");
      list.push(performance.now() - startedAt);
    }
    return median(list);
  };
  for (let i = 0; i < 20; i++) await daemon.api("POST", "/v1/tasks", body);
  // Copies of a held task: nothing claims them while the list is read.
  const copy = (count) =>
    admin.query(
      `insert into tasks (id, state, hold_kind, hold_reason, hold_on, goal, repository, agent, mode, delivery, attempt_timeout_ms, origin)
        select 'task_copy' || i, 'queued', 'dependency', 'bench', '{slot:bench}', 'bench', '/nowhere', 'command:true', 'auto', 'branch', 1000, '{"source":"http","subject":null,"outsideText":null,"replyTo":null,"reviewedAgainst":null}' from generate_series(1, $1) i
        on conflict do nothing`,
      [count],
    );
  await copy(20);
  await times(); // warm
  const few = await times();
  await copy(7_000);
  await admin.query("analyze tasks");
  const many = await times();
  await admin.end();
  await daemon.stop();
  return { few, many };
}

/** From `kill -9` of a daemon in the middle of an attempt to the start of the next attempt. */
export async function benchRestart() {
  const repository = await makeRepository(5);
  const took = [];
  for (let round = 0; round < 5; round++) {
    const daemon = await startDaemon();
    const admin = await connect(daemon.database);
    const { id } = await daemon.api("POST", "/v1/tasks", {
      goal: "Sleep",
      repository,
      agent: "command:sleep 600",
      checks: ["true"],
    });
    const attempts = async () =>
      (
        await admin.query("select 1 from events where task_id = $1 and type = 'attempt.started'", [
          id,
        ])
      ).rowCount;
    while ((await attempts()) < 1) await sleep(10);
    process.kill(daemon.pid, "SIGKILL");
    const startedAt = performance.now();
    const next = startProcess(process.execPath, [daemon.main, "up", "--json"], {
      env: daemon.env,
    });
    while ((await attempts()) < 2) await sleep(5);
    took.push(performance.now() - startedAt);
    await endProcess(next, "SIGKILL");
    await admin.end();
    await daemon.stop("SIGKILL");
  }
  return median(took);
}
