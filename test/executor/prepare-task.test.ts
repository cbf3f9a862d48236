import { join } from "node:path";
import { expect, test } from "vitest";
import type { Task } from "../../src/core/task/task.ts";
import { makePrepareBase } from "../../src/planner/prepare-task.ts";
import { openMirrors } from "../../src/worktree/mirror/mirror.ts";
import { commit, git, makeFolder, makeRepository } from "../worktree/repositories.ts";

const prepare = makePrepareBase({
  mirrors: openMirrors(join(makeFolder(), "mirrors")),
  authHeader: async () => null,
});
const prepareBase = (task: Task) => prepare(task, new AbortController().signal);

/** The little of a task that is looked at here. */
function taskAt(repository: string, base: string | null, reviewedAgainst?: string): Task {
  const id = "task_01k9m4v2pzabcdefghjk";
  const origin = { source: "cli", reviewedAgainst: reviewedAgainst ?? null };
  return { id, repository, base, expectsChange: false, origin } as unknown as Task;
}

test("a commit that no branch holds is a base too, and its change is found", async () => {
  const path = makeRepository();
  const main = git(path, "rev-parse", "HEAD");
  const loose = commit(path, { "x.txt": "x" }, "From a fork");
  git(path, "reset", "--quiet", "--hard", "HEAD^");
  await prepareBase(taskAt(path, null));
  expect(await prepareBase(taskAt(path, loose))).toMatchObject({
    baseCommit: loose,
    forkCommit: main,
  });
});

test("the change is what came after the branch that it is to go into", async () => {
  const path = makeRepository();
  const main = git(path, "rev-parse", "HEAD");
  git(path, "checkout", "--quiet", "-b", "next");
  const next = commit(path, { "next.txt": "n" }, "Next");
  git(path, "checkout", "--quiet", "-b", "work");
  const work = commit(path, { "x.txt": "x" }, "Work");
  git(path, "checkout", "--quiet", "main");
  const forkOf = async (against?: string) =>
    (await prepareBase(taskAt(path, work, against))).forkCommit;
  expect(await forkOf(next)).toBe(next);
  expect(await forkOf()).toBe(main);
  expect(await forkOf("1".repeat(40))).toBe(main);
});

test("a commit that the repository does not have is refused in words", async () => {
  const path = makeRepository();
  await expect(prepareBase(taskAt(path, "1".repeat(40)))).rejects.toMatchObject({
    code: "unprocessable",
  });
});

test("a commit that GitHub told of, and that is not there yet, is waited for", async () => {
  const path = makeRepository();
  const task = taskAt(path, "1".repeat(40));
  const told = { ...task, origin: { ...task.origin, source: "github" as const } };
  await expect(prepareBase(told)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/The forge told of the commit 1+, which cannot be fetched/),
  });
  await expect(prepareBase({ ...told, base: "nope" })).rejects.toMatchObject({
    code: "unprocessable",
  });
});
