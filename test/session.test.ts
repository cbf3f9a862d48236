import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSession } from "../src/roles/session.ts";
import { getSession } from "../src/store/records/sessions.ts";
import { addWorktree } from "../src/worktree/checkout/worktree.ts";
import { openMirror, readRef } from "../src/worktree/mirror/mirror.ts";
import { listCommits } from "../src/worktree/read/list-commits.ts";
import { readFileAt } from "../src/worktree/read/read-commit.ts";
import { type Bench, makeBench } from "./support/orchestrator.ts";
import { makeRepository, mirrorOf } from "./worktree/repositories.ts";

/** What of an attempt's files is kept, and what its session knows of them. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

test("each checkpoint stays, and a snapshot between two changes nothing in the session", async () => {
  await bench.submitPlanned();
  const { attemptId, subtaskId, taskId } = (await bench.claim("execute")) ?? { taskId: "" };
  const { mirror, base, home } = await mirrorOf(makeRepository({ "a.txt": "base\n" }));
  const worktree = join(home, "trees", "sub_one");
  await addWorktree(mirror, worktree, base);
  const open = (sessionId: string | null) =>
    openSession(bench.db, {
      about: { taskId, subtaskId: subtaskId ?? null, attemptId: attemptId ?? null },
      ...{ asked: null, role: "coder", agent: "builtin", worktree, mirror, sessionId },
      ...{ baseCommit: base, sparse: null },
    });
  const write = (text: string) => writeFileSync(join(worktree, "a.txt"), text);
  const checkpointOf = async (id: string | null) =>
    (await getSession(bench.db, id ?? ""))?.checkpointCommit ?? "";
  const states = async () => {
    const tip = (await readRef(mirror, `checkpoints/${attemptId}`)) ?? "";
    const commits = await listCommits(mirror, [tip], [base]);
    return Promise.all(commits.map(({ commit }) => readFileAt(mirror, commit, "a.txt")));
  };

  const session = await open(null);
  expect(await session.snapshot()).toBe(false);
  write("one\n");
  await session.append([{ n: 1 }], { checkpoint: true });
  write("in between\n");
  expect(await session.snapshot()).toBe(true);
  expect(await states()).toEqual(["one\n", "in between\n"]);
  const checkpoint = await checkpointOf(session.id());
  expect(await readFileAt(mirror, checkpoint, "a.txt")).toBe("one\n");
  const objects = await openMirror(mirror).run(["count-objects", "-v"]);
  expect(await session.snapshot()).toBe(false);
  expect(await openMirror(mirror).run(["count-objects", "-v"])).toBe(objects);
  write("two\n");
  await session.append([{ n: 2 }], { checkpoint: true, changed: ["a.txt"] });
  // What waits for its ref has it once the run is over.
  await session.close();
  expect(await states()).toEqual(["one\n", "in between\n", "two\n"]);

  const again = await open(session.id());
  write("base\n");
  await again.checkpoint([{ n: 3 }]);
  await again.close();
  expect(await states()).toEqual(["one\n", "in between\n", "two\n", "base\n"]);
  expect(await readRef(mirror, `checkpoints/${attemptId}`)).toBe(await checkpointOf(again.id()));
});
