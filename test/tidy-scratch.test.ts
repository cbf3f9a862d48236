import { existsSync } from "node:fs";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../src/config/config.ts";
import { newId } from "../src/core/base/id.ts";
import { tidyScratch } from "../src/daemon/housekeeping/tidy-scratch.ts";
import { makeTempFolder, nameTempFile } from "../src/sandbox/files/temp.ts";
import { appendEntries, beginSession, takeSession } from "../src/store/records/sessions.ts";
import { makeFolder } from "./agents/make-run.ts";
import { type Bench, makeBench } from "./support/orchestrator.ts";

/** The memory of agents: who may append to it, and when what it leaves on the disk goes. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench.close());

const begin = async (taskId: string, attemptId: string | null = null): Promise<string> => {
  const id = newId("session");
  const about = { id, taskId, subtaskId: null, attemptId, role: "coder", agent: "codex" };
  await beginSession(bench.db, { ...about, asked: null });
  return id;
};

test("an attempt that was given up for dead appends nothing to what another goes on with", async () => {
  const sessionId = await begin(await bench.submit(), "att_old");
  const old = { sessionId, attemptId: "att_old", subtaskId: null, position: 0 };
  expect(await appendEntries(bench.db, old, [{ n: 1 }], "c1")).toEqual([]);
  const taken = await takeSession(bench.db, sessionId, "att_new");
  expect(taken?.entries).toEqual([{ n: 1 }]);
  expect(taken?.session.checkpointCommit).toBe("c1");
  expect(await appendEntries(bench.db, { ...old, position: 1 }, [{ n: "late" }], "c2")).toBeNull();
  const own = { sessionId, attemptId: "att_new", subtaskId: null, position: 1 };
  expect(await appendEntries(bench.db, own, [{ n: 2 }, { n: 3 }], null)).toEqual([]);
  // Said twice, because the first answer was lost on the way: the second time changes nothing.
  expect(await appendEntries(bench.db, own, [{ n: 2 }, { n: 3 }], null)).toBeNull();
  const after = await takeSession(bench.db, sessionId, "att_new");
  expect(after?.entries).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(after?.session.checkpointCommit).toBe("c1");
});

test("session folders go when their task is over, what was set aside after a day", async () => {
  const config = loadConfig({ DEPUTY_HOME: await makeFolder() });
  const { scratch } = config.paths;
  const [open, over] = [await bench.submit(), await bench.submit()];
  await bench.database.query(
    "update tasks set state = 'completed', hold_kind = null, hold_on = null, hold_reason = null where id = $1",
    [over],
  );
  const sessions = { open: await begin(open), over: await begin(over), young: await begin(over) };
  for (const name of [sessions.open, sessions.over, sessions.young])
    await mkdir(join(scratch, "sessions", name), { recursive: true });
  const longAgo = new Date(Date.now() - 3 * 24 * 3_600_000);
  for (const path of [`sessions/${sessions.open}`, `sessions/${sessions.over}`])
    await utimes(join(scratch, path), longAgo, longAgo);
  const aside = join(config.paths.worktrees, "set-aside");
  const [hour, now] = [3_600_000, Date.now()];
  const young = `sub_young-${now - 23 * hour}`;
  for (const name of [`sub_old-${now - 25 * hour}`, young])
    await mkdir(join(aside, name), { recursive: true });
  await tidyScratch(bench.db, config);
  expect((await readdir(join(scratch, "sessions"))).sort()).toEqual(
    [sessions.open, sessions.young].sort(),
  );
  expect(await readdir(aside)).toEqual([young]);
});

test("what killed processes left goes, and nothing of one that may live", async () => {
  const config = loadConfig({ DEPUTY_HOME: await makeFolder() });
  const { sandbox, scratch } = config.paths;
  const before = process.env.TMPDIR;
  process.env.TMPDIR = await makeFolder();
  onTestFinished(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
  /** As another process would have named it. */
  const madeBy = (path: string, { pid = 4_194_303, place = "" }) =>
    path
      .replace(`-${process.pid.toString(36)}-`, `-${pid.toString(36)}-`)
      .replace(/-[0-9a-z]{5}-(?=[0-9a-z]+-[0-9a-z]+-[^-]+$)/, place ? `-${place}-` : "$&");
  const own = await Promise.all([
    makeTempFolder("index"),
    makeTempFolder("run", scratch),
    makeTempFolder("srt", sandbox),
  ]);
  const file = nameTempFile("patch");
  const left = [...own.map((path) => madeBy(path, {})), madeBy(await makeTempFolder("demo"), {})];
  for (const path of left) await mkdir(join(path, "home", "pg"), { recursive: true });
  await writeFile(madeBy(file, {}), "");
  const over = madeBy(await makeTempFolder("demo"), {});
  const away = madeBy(own[0] ?? "", { place: "zzzzz" });
  const others = [join(tmpdir(), "deputy-home-abc123"), join(tmpdir(), "index-of-mine")];
  for (const path of [over, away, ...others]) await mkdir(path);
  const old = `${away}2`;
  await mkdir(old);
  const longAgo = new Date(Date.now() - 3 * 24 * 3_600_000);
  await utimes(old, longAgo, longAgo);
  await tidyScratch(bench.db, config);
  const isThere = (paths: readonly string[]) => paths.map((path) => existsSync(path));
  expect(isThere([...left, madeBy(file, {}), old])).toEqual(Array(6).fill(false));
  expect(isThere([...own, over, away, ...others])).toEqual(Array(7).fill(true));
});
