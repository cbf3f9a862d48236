import { mkdir, mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../src/config/config.ts";
import { openLog } from "../src/daemon/home/log.ts";
import { pruneOldTasks } from "../src/daemon/housekeeping/retention.ts";
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
  mirrors = openMirrors(home);
  mirror = await draftMirror(mirrors.at(join(home, "m.git")));
  await mkdir(join(home, "logs"));
});
afterAll(async () => {
  await bench?.close();
  await rm(home, { recursive: true, force: true });
});

const prune = async () => {
  const config = { ...loadConfig({ DEPUTY_HOME: home }), retentionDays: 1 };
  const deps = { db: bench.db, mirrors, config, log: openLog("silent") };
  await pruneOldTasks(deps, new AbortController().signal);
};
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
