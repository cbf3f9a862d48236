import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { GitFailure } from "../../src/worktree/git/git-failure.ts";
import { ensureMirror, openMirrors } from "../../src/worktree/mirror/mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { branchTip, deleteBranch, publishBranch } from "../../src/worktree/publish/publish.ts";
import { commit, git, makeFolder, makeRepository, mirrorOf, write } from "./repositories.ts";

async function makeWork(source: string) {
  const { mirror, base, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  let count = 0;
  const work = async (parent: string): Promise<string> => {
    write(path, { "work.txt": `${++count}\n` });
    return (await snapshotWorktree(mirror, path, { parent, message: "Work" })).commit;
  };
  return { mirror, base, home, work, repository: parseRepository(source) };
}

test("a branch is published, found, published again and deleted; nothing else changes", async () => {
  const source = makeRepository();
  const { mirror, base, work, repository } = await makeWork(source);
  const before = await fingerprintCheckout(source);
  const files = readdirSync(join(source, ".git")).sort();
  const done = await work(base);
  expect(await branchTip(repository, "deputy/fix-it")).toBeNull();
  const what = { branch: "deputy/fix-it", commit: done };
  expect(await publishBranch(mirror, repository, what)).toBe("pushed");
  expect(await publishBranch(mirror, repository, what)).toBe("existed");
  expect(git(source, "rev-parse", "deputy/fix-it")).toBe(done);
  expect(await branchTip(repository, "deputy/fix-it")).toBe(done);
  expect(await fingerprintCheckout(source)).toEqual(before);
  expect(await deleteBranch(repository, "deputy/fix-it", done)).toBe(true);
  expect(await deleteBranch(repository, "deputy/fix-it", done)).toBe(false);
  expect(await fingerprintCheckout(source)).toEqual(before);
  expect(existsSync(join(source, ".git/refs/heads/deputy"))).toBe(false);
  expect(existsSync(join(source, ".git/logs/refs/heads/deputy"))).toBe(false);
  expect(readdirSync(join(source, ".git")).sort()).toEqual(files);
});

test("the task after a delivery need not fetch", async () => {
  const source = makeRepository();
  const { mirror, base, home, work, repository } = await makeWork(source);
  await publishBranch(mirror, repository, { branch: "deputy/one", commit: await work(base) });
  const packs = readdirSync(join(mirror.gitDir, "objects", "pack"));
  rmSync(join(source, ".git/objects/info"), { recursive: true, force: true });
  await ensureMirror(openMirrors(join(home, "mirrors")), repository);
  expect(readdirSync(join(mirror.gitDir, "objects", "pack"))).toEqual(packs);
});

test("later work moves the branch forward; other work there is a conflict, never overwritten", async () => {
  const source = makeRepository();
  const { mirror, base, work, repository } = await makeWork(source);
  const first = await work(base);
  const second = await work(first);
  const other = await work(base);
  const publish = (commit: string) =>
    publishBranch(mirror, repository, { branch: "deputy/x", commit });
  await publish(first);
  expect(await publish(second)).toBe("pushed");
  for (const stranger of [first, other]) {
    await expect(publish(stranger)).rejects.toMatchObject({ code: "conflict" });
  }
  await expect(deleteBranch(repository, "deputy/x", first)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringMatching(/has moved/),
  });
  git(source, "checkout", "--quiet", "deputy/x");
  const theirs = commit(source, { "user.txt": "u" }, "By the user");
  await expect(publish(await work(second))).rejects.toMatchObject({ code: "conflict" });
  expect(git(source, "rev-parse", "deputy/x")).toBe(theirs);
  await expect(deleteBranch(repository, "deputy/x", theirs)).rejects.toThrow(/checked out/);
});

test("a branch that is checked out is not moved under the user's feet", async () => {
  const source = makeRepository();
  const { mirror, base, work, repository } = await makeWork(source);
  const first = await work(base);
  await publishBranch(mirror, repository, { branch: "deputy/x", commit: first });
  git(source, "config", "receive.denyCurrentBranch", "updateInstead");
  git(source, "checkout", "--quiet", "deputy/x");
  const before = await fingerprintCheckout(source);
  await expect(
    publishBranch(mirror, repository, { branch: "deputy/x", commit: await work(first) }),
  ).rejects.toMatchObject({ code: "conflict" });
  expect(await fingerprintCheckout(source)).toEqual(before);
});

test("names that clash with a branch, or are none of ours, are refused", async () => {
  const source = makeRepository();
  const { mirror, base, work, repository } = await makeWork(source);
  const done = await work(base);
  await publishBranch(mirror, repository, { branch: "deputy/x", commit: done });
  await expect(
    publishBranch(mirror, repository, { branch: "deputy/x/y", commit: done }),
  ).rejects.toMatchObject({ code: "conflict" });
  for (const branch of [
    "main",
    "deputy",
    "deputy/",
    "deputy/../main",
    "deputy/a b",
    "deputy/a.lock",
    "deputy/a:refs/heads/main",
    "-d",
    "deputy/a~1",
  ]) {
    const refused = { code: "invalid_input", field: "branch" };
    await expect(publishBranch(mirror, repository, { branch, commit: done })).rejects.toMatchObject(
      refused,
    );
    await expect(branchTip(repository, branch)).rejects.toMatchObject(refused);
    await expect(deleteBranch(repository, branch, done)).rejects.toMatchObject(refused);
  }
});

test("bare repositories, subfolders and linked worktrees take it too", async () => {
  const source = makeRepository();
  const bare = join(makeFolder(), "bare.git");
  git(source, "clone", "--quiet", "--bare", source, bare);
  const linked = join(makeFolder(), "linked");
  git(source, "worktree", "add", "--quiet", "-b", "side", linked);
  for (const [index, target] of [bare, join(source, "src"), linked].entries()) {
    const { mirror, base, work, repository } = await makeWork(target);
    const before = await fingerprintCheckout(target);
    const done = await work(base);
    const branch = `deputy/n${index}`;
    expect(await publishBranch(mirror, repository, { branch, commit: done })).toBe("pushed");
    expect(git(target, "rev-parse", branch)).toBe(done);
    expect(await fingerprintCheckout(target)).toEqual(before);
    expect(await deleteBranch(repository, branch, done)).toBe(true);
  }
});

test("a push that arrives broken is no refusal: it is tried again", async () => {
  const source = makeRepository();
  const { mirror, base, repository } = await makeWork(source);
  git(source, "config", "receive.fsckObjects", "true");
  const tree = git(source, "rev-parse", `${base}^{tree}`).trim();
  const text = `tree ${tree}\nparent ${base}\nauthor none\ncommitter none\n\nbroken\n`;
  const broken = execFileSync(
    "git",
    ["hash-object", "-t", "commit", "-w", "--literally", "--stdin"],
    {
      cwd: mirror.gitDir,
      input: text,
      encoding: "utf8",
    },
  ).trim();
  const publishing = publishBranch(mirror, repository, { branch: "deputy/x", commit: broken });
  await expect(publishing).rejects.toThrow(GitFailure);
  await expect(publishing).rejects.toThrow("unpacker error");
});

test("a packed branch is deleted as well", async () => {
  const source = makeRepository();
  const { mirror, base, work, repository } = await makeWork(source);
  const done = await work(base);
  await publishBranch(mirror, repository, { branch: "deputy/x", commit: done });
  git(source, "pack-refs", "--all");
  expect(await deleteBranch(repository, "deputy/x", done)).toBe(true);
  expect(git(source, "branch", "--list", "deputy/*")).toBe("");
  expect(readFileSync(join(source, ".git/packed-refs"), "utf8")).not.toContain("deputy");
});
