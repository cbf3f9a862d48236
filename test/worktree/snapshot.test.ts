import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  addWorktree,
  removeWorktree,
  resetWorktree,
} from "../../src/worktree/checkout/worktree.ts";
import { restoreSnapshot, snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { openMirror, readRef } from "../../src/worktree/mirror/mirror.ts";
import { listChanges } from "../../src/worktree/read/diff.ts";
import { listFilesAt, readFileAt, treeOf } from "../../src/worktree/read/read-commit.ts";
import { until } from "../support/until.ts";
import {
  commit,
  git,
  makeFifo,
  makeRepository,
  mirrorOf,
  someFiles,
  write,
} from "./repositories.ts";

async function makeWorktree(files = someFiles) {
  const { mirror, base, home } = await mirrorOf(makeRepository(files));
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  const snapshot = (options: { includeIgnored?: boolean; ref?: string } = {}) =>
    snapshotWorktree(mirror, path, { parent: base, message: "Snapshot", ...options });
  return { mirror, base, home, path, snapshot };
}

test("nothing changed is the parent itself, with a ref when asked for", async () => {
  const { mirror, base, snapshot } = await makeWorktree();
  const taken = await snapshot({ ref: "refs/deputy/attempts/one" });
  expect(taken).toEqual({
    commit: base,
    tree: await treeOf(mirror, base),
    changed: false,
    skipped: [],
  });
  expect(await readRef(mirror, "attempts/one")).toBe(base);
});

test("changed, new, deleted, executable files and links; ignored ones only when asked for", async () => {
  const { mirror, base, path, snapshot } = await makeWorktree();
  write(path, {
    "src/a.txt": "changed\n",
    "new/with space\tand\nline": "n",
    "ignored/cache": "c",
    ".env": "SECRET",
  });
  writeFileSync(Buffer.concat([Buffer.from(`${path}/caf`), Buffer.from([0xe9])]), "latin1 name");
  writeFileSync(join(path, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
  symlinkSync("/etc/shadow", join(path, "link"));
  rmSync(join(path, "src/deep"), { recursive: true });
  const taken = await snapshot({ ref: "refs/deputy/attempts/one" });
  expect(taken.changed).toBe(true);
  expect(await readRef(mirror, "attempts/one")).toBe(taken.commit);
  const listing = git(mirror.gitDir, "ls-tree", "-r", "-z", taken.commit);
  expect(listing).toMatch(/100755 blob \w+\trun\.sh/);
  expect(listing).toMatch(/120000 blob \w+\tlink/);
  expect(listing).toContain("new/with space\tand\nline");
  expect(listing).not.toMatch(/ignored|\.env|src\/deep/);
  expect(git(mirror.gitDir, "cat-file", "blob", `${taken.commit}:link`)).toBe("/etc/shadow");
  expect(git(mirror.gitDir, "ls-tree", "--name-only", taken.commit)).toContain('"caf\\351"');
  expect(git(mirror.gitDir, "show", "-s", "--format=%an <%ae> %P %s", taken.commit)).toBe(
    `Deputy <deputy@localhost> ${base} Snapshot`,
  );
  const whole = await snapshot({ includeIgnored: true });
  expect(await listFilesAt(mirror, whole.commit)).toContain("ignored/cache");
  expect(await readFileAt(mirror, whole.commit, ".env")).toBe("SECRET");
  // It read: it did not write.
  expect(git(path, "diff", "--cached", "--name-only")).toBe("");
  expect(git(path, "rev-parse", "HEAD")).toBe(base);
});

test("folders become files and links, files become folders", async () => {
  const { mirror, path, snapshot } = await makeWorktree();
  rmSync(join(path, "src"), { recursive: true });
  symlinkSync("/etc", join(path, "src"));
  rmSync(join(path, "README.md"));
  write(path, { "README.md/inside.txt": "x" });
  const taken = await snapshot();
  expect(await listFilesAt(mirror, taken.commit)).toEqual([
    ".gitignore",
    "README.md/inside.txt",
    "src",
  ]);
});

test("repositories made inside are plain folders: their files come, their .git does not", async () => {
  const { mirror, path, snapshot } = await makeWorktree();
  git(path, "init", "--quiet", "scaffold");
  commit(join(path, "scaffold"), { "main.rs": "fn main() {}", ".gitignore": "target/" }, "x");
  write(join(path, "scaffold"), { "target/out": "o", "deep/er.txt": "e" });
  git(path, "init", "--quiet", "scaffold/deep/nested");
  write(path, { "scaffold/deep/nested/n.txt": "n", "scaffold/.GIT/x": "x" });
  mkdirSync(join(path, "src/.git"));
  git(path, "init", "--quiet", "src");
  write(path, { "src/new.txt": "new" });
  rmSync(join(path, "README.md"));
  git(path, "init", "--quiet", "README.md");
  commit(join(path, "README.md"), { "r.txt": "r" }, "r");
  const taken = await snapshot();
  expect(await listFilesAt(mirror, taken.commit)).toEqual([
    ".gitignore",
    "README.md/r.txt",
    "scaffold/.gitignore",
    "scaffold/deep/er.txt",
    "scaffold/deep/nested/n.txt",
    "scaffold/main.rs",
    "src/a.txt",
    "src/deep/b.txt",
    "src/new.txt",
  ]);
  expect(git(mirror.gitDir, "ls-tree", "-r", taken.commit)).not.toContain("160000");
});

test("the agent's own .git, commits, index flags and branches make no difference", async () => {
  const { mirror, path, snapshot } = await makeWorktree();
  git(path, "update-index", "--assume-unchanged", "README.md");
  write(path, { "README.md": "changed", "src/a.txt": "committed" });
  git(path, "commit", "--quiet", "-am", "By the agent");
  git(path, "checkout", "--quiet", "-b", "mine");
  const expected = ["README.md", "src/a.txt"].map((file) => readFileSync(join(path, file), "utf8"));
  for (const spoil of [
    () => {},
    () => rmSync(join(path, ".git")),
    () => git(path, "init", "--quiet"),
    () => writeFileSync(join(mirror.gitDir, "worktrees/sub_one/index"), "garbage"),
    () => rmSync(join(mirror.gitDir, "worktrees"), { recursive: true }),
    () => rmSync(join(mirror.gitDir, "deputy/sub_one/index")),
  ]) {
    spoil();
    const { commit: taken } = await snapshot();
    expect([
      await readFileAt(mirror, taken, "README.md"),
      await readFileAt(mirror, taken, "src/a.txt"),
    ]).toEqual(expected);
  }
});

test("FIFOs and sockets are named and left out, and nothing hangs on them", async () => {
  const { mirror, path, snapshot } = await makeWorktree();
  rmSync(join(path, "README.md"));
  for (const name of ["README.md", "src/fifo"]) makeFifo(join(path, name));
  git(path, "init", "--quiet", "inner");
  makeFifo(join(path, "inner/fifo"));
  write(path, { "ok.txt": "ok" });
  const taken = await snapshot();
  expect(taken.skipped.map((entry) => entry.path).sort()).toEqual(["README.md", "inner/fifo"]);
  expect(await listFilesAt(mirror, taken.commit)).toEqual([
    ".gitignore",
    "ok.txt",
    "src/a.txt",
    "src/deep/b.txt",
  ]);
});

test.skipIf(process.getuid?.() === 0)("unreadable files are named, the rest is kept", async () => {
  const { mirror, path, snapshot } = await makeWorktree();
  write(path, { "closed.txt": "c", "open.txt": "o", "README.md": "changed" });
  chmodSync(join(path, "closed.txt"), 0);
  chmodSync(join(path, "README.md"), 0);
  const taken = await snapshot();
  expect(taken.skipped.map((entry) => entry.path).sort()).toEqual(["README.md", "closed.txt"]);
  expect(await readFileAt(mirror, taken.commit, "open.txt")).toBe("o");
  expect(await readFileAt(mirror, taken.commit, "README.md")).toBe(someFiles["README.md"]);
});

test("a false encoding or a filter asked for by the tree cannot make it fail", async () => {
  const { mirror, path, snapshot } = await makeWorktree();
  write(path, {
    ".gitattributes": "* working-tree-encoding=UTF-16 filter=lfs\n*.txt text eol=crlf\n",
    "odd.txt": "x",
  });
  const taken = await snapshot();
  expect(await readFileAt(mirror, taken.commit, "odd.txt")).toBe("x");
});

test("a file that was committed against its own attributes is no change until somebody changes it", async () => {
  const source = makeRepository({
    "dos.txt": "one\r\ntwo\r\n",
    'od"d\\.txt': "a\r\n",
    "b.txt": "b\n",
  });
  write(source, { rules: "*.txt text\n" });
  const rules = git(source, "hash-object", "-w", "rules");
  git(source, "update-index", "--add", "--cacheinfo", `100644,${rules},.gitattributes`);
  git(source, "commit", "--quiet", "-m", "Attributes");
  const head = git(source, "rev-parse", "HEAD");
  const { mirror, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, head);
  for (const name of ["dos.txt", 'od"d\\.txt']) utimesSync(join(path, name), 1, 1);
  write(path, { "b.txt": "changed\r\n" });
  const { commit: taken } = await snapshotWorktree(mirror, path, { parent: head, message: "Work" });
  expect((await listChanges(mirror, head, taken)).map((change) => change.path)).toEqual(["b.txt"]);
  expect(await readFileAt(mirror, taken, "b.txt")).toBe("changed\n");
  // Its mode is its own matter.
  chmodSync(join(path, "dos.txt"), 0o755);
  const run = await snapshotWorktree(mirror, path, { parent: head, message: "Work" });
  expect(git(mirror.gitDir, "ls-tree", run.commit, "dos.txt").slice(0, 6)).toBe("100755");
  expect(await readFileAt(mirror, run.commit, "dos.txt")).toBe("one\r\ntwo\r\n");
  // Once it is changed it is stored as its attributes want it.
  write(path, { "dos.txt": "one\r\nthree\r\n" });
  const later = await snapshotWorktree(mirror, path, { parent: head, message: "Work" });
  expect(await readFileAt(mirror, later.commit, "dos.txt")).toBe("one\nthree\n");
});

test("a removed worktree comes back with untracked files, as changes on its base", async () => {
  const { mirror, base, path, snapshot } = await makeWorktree();
  write(path, { "src/a.txt": "changed", "new/n.txt": "n" });
  symlinkSync("new", join(path, "link"));
  rmSync(join(path, "README.md"));
  const status = git(path, "status", "--porcelain", "-uall");
  const taken = await snapshot({ ref: "refs/deputy/worktrees/one" });
  await removeWorktree(mirror, path);
  await restoreSnapshot(mirror, taken.commit, path);
  expect(git(path, "status", "--porcelain", "-uall")).toBe(status);
  expect(git(path, "rev-parse", "HEAD")).toBe(base);
  expect(readFileSync(join(path, "new/n.txt"), "utf8")).toBe("n");
  expect(readlinkSync(join(path, "link"))).toBe("new");
  // And it is a worktree like any other.
  expect((await snapshot()).tree).toBe(taken.tree);
  await resetWorktree(mirror, path, base);
  expect(git(path, "status", "--porcelain")).toBe("");
  await expect(restoreSnapshot(mirror, taken.commit, path)).rejects.toThrow(/exists/);
  // A snapshot without changes is the user's commit: nothing of theirs turns up as uncommitted.
  await removeWorktree(mirror, path);
  await restoreSnapshot(mirror, base, path);
  expect(git(path, "status", "--porcelain")).toBe("");
  expect(git(path, "rev-parse", "HEAD")).toBe(base);
});

test("a snapshot after a reset to a later commit is a change to that commit", async () => {
  const { mirror, path, snapshot } = await makeWorktree();
  write(path, { "one.txt": "1" });
  const one = await snapshot();
  await resetWorktree(mirror, path, one.commit);
  write(path, { "two.txt": "2" });
  const two = await snapshotWorktree(mirror, path, { parent: one.commit, message: "Two" });
  const diff = await openMirror(mirror).run(["diff", "--name-only", one.commit, two.commit]);
  expect(diff).toBe("two.txt\n");
  expect(lstatSync(join(path, "two.txt")).isFile()).toBe(true);
  expect(existsSync(join(mirror.gitDir, "index"))).toBe(false);
  expect(readdirSync(join(mirror.gitDir, "deputy/sub_one")).sort()).toEqual([
    "index",
    "index-commit",
    "path",
  ]);
});

test("a change within the second of the checkout is seen, though git's index knows whole seconds only", async () => {
  const { mirror, base, path, snapshot } = await makeWorktree();
  const file = join(path, "src/a.txt");
  const before = readFileSync(file, "utf8");
  const second = () => Math.floor(lstatSync(file).ctimeMs / 1_000);
  // Again where the second ended in between: then there is nothing to be mistaken about.
  for (
    let checkedOut = 0;
    checkedOut !== second();
    writeFileSync(file, "x".repeat(before.length))
  ) {
    await resetWorktree(mirror, path, base);
    checkedOut = second();
  }
  await until(() => Date.now() >= (second() + 1) * 1_000, "the second is over");
  expect((await snapshot()).changed).toBe(true);
  await resetWorktree(mirror, path, base);
  expect(readFileSync(file, "utf8")).toBe(before);
});
