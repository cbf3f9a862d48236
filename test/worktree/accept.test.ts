import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { acceptBranch } from "../../src/worktree/publish/accept.ts";
import { publishBranch } from "../../src/worktree/publish/publish.ts";
import { commit, git, makeFolder, makeRepository, mirrorOf, write } from "./repositories.ts";

const branch = "deputy/work";
const accept = (checkout: string, commit: string) =>
  acceptBranch(checkout, { taskId: "task_1", branch, commit, base: "main" });

/** A repository with a delivered branch that changes src/a.txt and adds work.txt. */
async function makeDelivered() {
  const source = makeRepository();
  const { mirror, base, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  write(path, { "src/a.txt": "ONE\ntwo\nthree\n", "work.txt": "w\n" });
  const { commit: done } = await snapshotWorktree(mirror, path, { parent: base, message: "Work" });
  await publishBranch(mirror, parseRepository(source), { branch, commit: done });
  return { source, base, done };
}

/** Refused with these words, and the checkout is what it was. */
async function expectRefusal(source: string, done: string, words: RegExp): Promise<void> {
  const before = await fingerprintCheckout(source);
  await expect(accept(source, done)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringMatching(words),
  });
  expect(await fingerprintCheckout(source)).toEqual(before);
}

test("a branch that did not move is fast-forwarded, from a subfolder too; twice is fine", async () => {
  const { source, done } = await makeDelivered();
  const accepted = { kind: "fast_forward", commit: done };
  expect(await accept(join(source, "src"), done)).toEqual(accepted);
  expect(git(source, "rev-parse", "main")).toBe(done);
  expect(git(source, "status", "--porcelain")).toBe("");
  expect(readFileSync(join(source, "work.txt"), "utf8")).toBe("w\n");
  expect(await accept(source, done)).toEqual({ kind: "before", commit: done });
});

test("a base that moved is refused; another branch gets a merge commit of the user's; untracked files stay", async () => {
  const { source, done } = await makeDelivered();
  commit(source, { "README.md": "mine" }, "Mine");
  await expectRefusal(
    source,
    done,
    /^main has moved by a commit since deputy\/work was checked.*deputy update task_1, or merge it yourself with git merge deputy\/work\.$/,
  );
  git(source, "checkout", "-q", "-b", "other");
  git(source, "config", "merge.ff", "only");
  const moved = commit(source, { "src/a.txt": "one\ntwo\nTHREE\n" }, "Moved");
  write(source, { "untracked.txt": "u" });
  const { kind, commit: merged } = await accept(source, done);
  expect(kind).toBe("merge");
  expect(git(source, "show", "-s", "--format=%P|%ae|%s", merged)).toBe(
    `${moved} ${done}|una@example.com|Merge branch '${branch}'`,
  );
  expect(readFileSync(join(source, "src/a.txt"), "utf8")).toBe("ONE\ntwo\nTHREE\n");
  expect(git(source, "status", "--porcelain")).toBe("?? untracked.txt");
});

test("uncommitted changes, staged or not, are refused by name", async () => {
  const { source, done } = await makeDelivered();
  write(source, { "README.md": "mine" });
  await expectRefusal(source, done, /uncommitted changes \(README\.md\)/);
  git(source, "add", "-A");
  await expectRefusal(source, done, /uncommitted changes \(README\.md\)/);
});

test("an untracked file in the way is refused", async () => {
  const { source, done } = await makeDelivered();
  write(source, { "work.txt": "mine" });
  await expectRefusal(source, done, /work\.txt/);
});

test("conflicts are refused by name, before a file is touched", async () => {
  const { source, done } = await makeDelivered();
  commit(source, { "src/a.txt": "other\n" }, "Other");
  await expectRefusal(
    source,
    done,
    /conflicts with your branch \(src\/a\.txt\): .*deputy update task_1, or merge it by hand/,
  );
});

test("a detached HEAD, unfinished work, a gone or moved branch, a bare repository", async () => {
  const { source, base, done } = await makeDelivered();
  git(source, "checkout", "--quiet", "--detach");
  await expectRefusal(source, done, /detached HEAD/);
  git(source, "checkout", "--quiet", branch);
  await expectRefusal(source, done, /is checked out/);
  git(source, "checkout", "--quiet", "main");
  writeFileSync(join(source, ".git/MERGE_HEAD"), `${base}\n`);
  await expectRefusal(source, done, /merge is in progress/);
  rmSync(join(source, ".git/MERGE_HEAD"));
  await expectRefusal(source, base, /has moved/);
  git(source, "branch", "-D", branch);
  await expectRefusal(source, done, /is gone/);
  const bare = join(makeFolder(), "bare.git");
  git(source, "clone", "--quiet", "--bare", source, bare);
  await expectRefusal(bare, done, /bare repository/);
});

test("a user without a name is told so, and nothing is left half-merged", async () => {
  const { source, done } = await makeDelivered();
  git(source, "checkout", "-q", "-b", "other");
  commit(source, { "x.txt": "x" }, "Moved");
  git(source, "config", "--remove-section", "user");
  git(source, "config", "user.useConfigOnly", "true");
  const home = process.env.HOME;
  process.env.HOME = makeFolder(); // nobody's ~/.gitconfig
  try {
    await expectRefusal(source, done, /set user\.name and user\.email/);
  } finally {
    if (home === undefined) delete process.env.HOME;
    else process.env.HOME = home;
  }
});
