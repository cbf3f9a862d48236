import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rename, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../src/config/config.ts";
import { openLog } from "../src/daemon/home/log.ts";
import { pruneOldTasks } from "../src/daemon/housekeeping/retention.ts";
import { commitTree } from "../src/worktree/commits/commit-tree.ts";
import { measureSnapshots } from "../src/worktree/mirror/measure-snapshots.ts";
import {
  draftMirror,
  type Mirror,
  type Mirrors,
  openMirror,
  openMirrors,
} from "../src/worktree/mirror/open-mirror.ts";
import { type Bench, makeBench } from "./support/orchestrator.ts";

/** A mirror out of which something went is packed: wholly when it is quiet, losing nothing when it is not. */
let bench: Bench;
let home: string;
let mirrors: Mirrors;
let mirror: Mirror;
beforeAll(async () => {
  [bench, home] = await Promise.all([makeBench(), mkdtemp(join(tmpdir(), "deputy-pack-"))]);
  mirrors = openMirrors(join(home, "repos"));
  mirror = mirrors.at(join(home, "repos", "m.git"));
  await rename((await draftMirror(mirror)).gitDir, mirror.gitDir);
  await mkdir(join(home, "logs"));
});
afterAll(async () => {
  await bench?.close();
  await rm(home, { recursive: true, force: true });
});

const prune = async (set: { retentionDays: number | null; snapshotsMb?: number } = defaults) => {
  const config = { ...loadConfig({ DEPUTY_HOME: home }), ...set };
  const deps = { db: bench.db, mirrors, config, log: openLog("silent") };
  await pruneOldTasks(deps, new AbortController().signal);
};
const defaults = { retentionDays: 1 };
const write = async (text: string) =>
  (await openMirror(mirror).run(["hash-object", "-w", "--stdin"], { input: text })).trim();
const has = async (object: string) =>
  (await openMirror(mirror).ask(["cat-file", "-e", object])).exitCode === 0;
const count = async (what: string) =>
  Number(
    new RegExp(`^${what}: (\\d+)`, "m").exec(
      await openMirror(mirror).run(["count-objects", "-v"]),
    )?.[1],
  );

/** A task of this mirror that ended long ago and of which records are left. */
async function submitOld(): Promise<string> {
  const id = await bench.submitPlanned();
  await bench.database.query("delete from subtasks where task_id = $1", [id]);
  await bench.database.query(
    `update tasks set state = 'cancelled', hold_kind = null, hold_owner = null, hold_at = null, hold_on = null,
      hold_reason = null, ended_at = now() - interval '2 days',
      preparation = jsonb_set(preparation, '{mirror}', to_jsonb($2::text)) where id = $1`,
    [id, mirror.gitDir],
  );
  return id;
}

/** As if every object had been written that long ago. */
async function age(days: number): Promise<void> {
  const then = new Date(Date.now() - days * 24 * 60 * 60_000);
  const objects = join(mirror.gitDir, "objects");
  for (const entry of await readdir(objects, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), then, then);
}

test("while somebody works on it all is packed and nothing lost; when it is quiet, what is old and unused goes", async () => {
  const texts = Array.from({ length: 20 }, (_, index) => `text ${index}\n`);
  const objects = await Promise.all(texts.map(write));
  await openMirror(mirror).run(["update-ref", "refs/deputy/kept", objects[0] ?? ""]);
  await age(30);
  const busy = await bench.submitPlanned();
  expect(await bench.claim("execute")).toMatchObject({ taskId: busy });
  await bench.database.query(
    "update tasks set preparation = jsonb_set(preparation, '{mirror}', to_jsonb($2::text)) where id = $1",
    [busy, mirror.gitDir],
  );
  await submitOld();
  expect(await count("count")).toBe(20);
  await prune();
  expect([await count("count"), await count("packs")]).toEqual([0, 1]);
  for (const object of objects) expect(await has(object)).toBe(true);

  await bench.clear();
  await age(30);
  const young = await write("young\n");
  await submitOld();
  await prune();
  expect(await has(objects[0] ?? "")).toBe(true);
  expect(await has(objects[1] ?? "")).toBe(false);
  expect(await has(young)).toBe(true);
});

test("what a watch saw goes when it is old, all of it once the watch is gone; its tasks need not end", async () => {
  await bench.clear();
  const see = async (rule: string, name: string) => {
    const commit = await commitTree(
      mirror,
      await emptyTree(),
      [],
      `${rule} ${name} ${Math.random()}`,
    );
    await openMirror(mirror).run(["update-ref", `refs/deputy/watch/${rule}/${name}`, commit]);
    return commit;
  };
  const emptyTree = async () => (await openMirror(mirror).run(["mktree"], { input: "" })).trim();
  const first = await see("tests", "seen");
  const second = await see("tests", "seen");
  const gone = await see("tests-gone", "for-1");
  await bench.database.query(
    "insert into watches (rule, id, definition) values ('tests', 'a', '')",
  );
  await age(30);
  await prune();
  expect(await has(first)).toBe(false);
  expect(await has(second)).toBe(true);
  expect(await has(gone)).toBe(false);
});

/** A task that ended days ago, with half a megabyte of its own in the tree of its attempt. */
async function endAttempt(days: number, set: string): Promise<string> {
  const taskId = await bench.submitPlanned();
  const { attemptId = "" } = (await bench.claim("execute")) ?? {};
  const blob = await write(randomBytes(256 * 1024).toString("hex"));
  const git = openMirror(mirror);
  const tree = (await git.run(["mktree"], { input: `100644 blob ${blob}\tfile\n` })).trim();
  const commit = await commitTree(mirror, tree, [], "Attempt");
  await git.run(["update-ref", `refs/deputy/attempts/${attemptId}`, commit]);
  await bench.database.query(
    "update attempts set ended_at = now(), end_reason = 'gave_up', snapshot_ref = 'refs/deputy/attempts/' || id where id = $1",
    [attemptId],
  );
  const over = `hold_kind = null, hold_owner = null, hold_at = null, hold_on = null,
    hold_reason = null, hold_question_id = null`;
  await bench.database.query(
    `update subtasks set state = 'cancelled', ${over} where task_id = $1`,
    [taskId],
  );
  await bench.database.query(
    `update tasks set ${set}, ${over}, ended_at = now() - interval '${days} days', preparation =
     jsonb_set(preparation, '{mirror}', to_jsonb($2::text)) where id = $1`,
    [taskId, mirror.gitDir],
  );
  return `refs/deputy/attempts/${attemptId}`;
}

test("where snapshots take too much, those of settled tasks go, the oldest first, and no others", async () => {
  await bench.clear();
  const failed = await endAttempt(9, "state = 'failed'");
  const open = await endAttempt(8, "state = 'completed', delivered_commit = 'gone'");
  const accepted = await endAttempt(
    3,
    "state = 'completed', accepted_at = now() - interval '2 days'",
  );
  const cancelled = await endAttempt(2, "state = 'cancelled'");
  const fresh = await endAttempt(0, "state = 'cancelled'");
  const isKept = async (ref: string) =>
    (await openMirror(mirror).ask(["rev-parse", "--verify", "--quiet", ref])).exitCode === 0;
  const kept = () => Promise.all([failed, open, accepted, cancelled, fresh].map(isKept));
  const bytes = await measureSnapshots(mirror, new AbortController().signal);
  // Random digits take half of their size, and each object a little.
  expect(bytes / (5 * 256 * 1024)).toBeCloseTo(1.13, 1);

  const half = bytes / 1024 / 1024 / 5;
  await prune({ retentionDays: null, snapshotsMb: 5.5 * half });
  expect(await kept()).toEqual([true, true, true, true, true]);
  await prune({ retentionDays: null, snapshotsMb: 4.5 * half });
  expect(await kept()).toEqual([true, true, false, true, true]);
  await prune({ retentionDays: null, snapshotsMb: half });
  expect(await kept()).toEqual([true, true, false, false, true]);
  // However old: what nobody decided on keeps its snapshots when its records go.
  await prune({ retentionDays: 1 });
  expect(await kept()).toEqual([true, true, false, false, true]);
  const rows = "select pruned_at is not null as pruned from tasks order by ended_at";
  expect(
    (await bench.database.query<{ pruned: boolean }>(rows)).map(({ pruned }) => pruned),
  ).toEqual([true, true, true, true, false]);
  await bench.database.query(
    "update tasks set discarded_at = now() - interval '2 days' where state = 'failed'",
  );
  await prune({ retentionDays: 1 });
  expect(await kept()).toEqual([false, true, false, false, true]);
});
