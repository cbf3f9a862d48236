import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  addWorktree,
  listWorktrees,
  removeWorktree,
  renewWorktree,
  resetWorktree,
} from "../../src/worktree/checkout/worktree.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { keepSubmodules } from "../../src/worktree/content/keep-submodules.ts";
import { submoduleRef } from "../../src/worktree/content/submodules.ts";
import { listChanges } from "../../src/worktree/read/diff.ts";
import { commit, git, makeRepository, mirrorOf, someFiles, write } from "./repositories.ts";

function manyFiles(count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`d${i % 20}/f${i}.txt`, `file ${i}\n`]),
  );
}

test("a worktree has the commit's files, and git works in it", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository());
  const path = join(home, "trees", "sub_one");
  expect(await addWorktree(mirror, path, base)).toBe("created");
  expect(readFileSync(join(path, "src/a.txt"), "utf8")).toBe(someFiles["src/a.txt"]);
  expect(git(path, "status", "--porcelain")).toBe("");
  expect(git(path, "rev-parse", "HEAD")).toBe(base);
  expect(git(path, "log", "--oneline", "origin/main")).toContain("First");
  expect(git(mirror.gitDir, "worktree", "list", "--porcelain")).toContain(`worktree ${path}\n`);
  write(path, { "src/a.txt": "work" });
  expect(await addWorktree(mirror, path, base)).toBe("existed");
  expect(readFileSync(join(path, "src/a.txt"), "utf8")).toBe("work");
  expect(await listWorktrees(mirror)).toEqual([{ path, commit: base, present: true }]);
  await removeWorktree(mirror, path);
  expect(existsSync(path)).toBe(false);
  expect(await listWorktrees(mirror)).toEqual([]);
  expect(readdirSync(join(mirror.gitDir, "worktrees"))).toEqual([]);
  await removeWorktree(mirror, path);
});

test("eight at once, five times over, and no add fails", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository(manyFiles(150)));
  for (let round = 0; round < 5; round++) {
    const paths = Array.from({ length: 8 }, (_, i) => join(home, "trees", `sub_${round}_${i}`));
    const made = await Promise.all(paths.map((path) => addWorktree(mirror, path, base)));
    expect(made).toEqual(Array(8).fill("created"));
    for (const path of paths) expect(git(path, "status", "--porcelain")).toBe("");
    await Promise.all(paths.map((path) => removeWorktree(mirror, path)));
  }
});

test("the same one asked for eight times at once is made once", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository(manyFiles(150)));
  const path = join(home, "trees", "sub_one");
  const made = await Promise.all(Array.from({ length: 8 }, () => addWorktree(mirror, path, base)));
  expect(made.filter((answer) => answer === "created")).toHaveLength(1);
  expect(git(path, "status", "--porcelain")).toBe("");
});

test("what is not ours is never overwritten or removed", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository());
  const path = join(home, "trees", "precious");
  write(path, { "thesis.txt": "years of work" });
  await expect(addWorktree(mirror, path, base)).rejects.toThrow(/is left alone/);
  await expect(removeWorktree(mirror, path)).rejects.toThrow(/is left alone/);
  await expect(resetWorktree(mirror, path, base)).rejects.toThrow();
  expect(readdirSync(path)).toEqual(["thesis.txt"]);
  const first = join(home, "trees", "sub_one");
  await addWorktree(mirror, first, base);
  await expect(addWorktree(mirror, join(home, "more", "sub_one"), base)).rejects.toThrow(
    /is taken/,
  );
  await expect(removeWorktree(mirror, join(home, "trees"))).rejects.toThrow(/is left alone/);
  expect(existsSync(join(first, "README.md"))).toBe(true);
});

test("reset brings back every file and keeps what is ignored; renewing keeps nothing", async () => {
  const path0 = makeRepository();
  const { mirror, base, home } = await mirrorOf(path0);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  const untouched = lstatSync(join(path, "README.md")).mtimeMs;
  write(path, { "src/a.txt": "changed", "new/file": "new", "ignored/cache": "c", "x.log": "log" });
  rmSync(join(path, "src/deep"), { recursive: true });
  await resetWorktree(mirror, path, base);
  expect(git(path, "status", "--porcelain")).toBe("");
  expect(existsSync(join(path, "new"))).toBe(false);
  expect(readFileSync(join(path, "ignored/cache"), "utf8")).toBe("c");
  // Files that are right already are not written again: build caches stay valid.
  expect(lstatSync(join(path, "README.md")).mtimeMs).toBe(untouched);
  await renewWorktree(mirror, path, base);
  expect(readdirSync(path).sort()).toEqual([".git", ".gitignore", "README.md", "src"]);
});

test("reset undoes whatever an agent did to git and to the folder", async () => {
  const source = makeRepository();
  const { mirror, base, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  // Changes that the worktree's own index says are none.
  git(path, "update-index", "--assume-unchanged", "README.md");
  git(path, "update-index", "--skip-worktree", "src/a.txt");
  write(path, { "README.md": "changed", "src/a.txt": "changed" });
  // Commits and a branch of its own, a merge in progress, a held lock.
  git(path, "checkout", "--quiet", "-b", "mine");
  commit(path, { "mine.txt": "m" }, "Mine");
  const admin = join(mirror.gitDir, "worktrees", "sub_one");
  writeFileSync(join(admin, "MERGE_HEAD"), `${base}\n`);
  writeFileSync(join(admin, "index.lock"), "");
  writeFileSync(join(admin, "locked"), "initializing");
  // Repositories: one of its own, one among tracked files, one with commits.
  rmSync(join(path, ".git"));
  git(path, "init", "--quiet");
  mkdirSync(join(path, "src/.git"));
  git(path, "init", "--quiet", "vendor");
  commit(join(path, "vendor"), { "v.txt": "v" }, "V");
  // A link in place of a folder, a repository in place of a file, a folder without permissions.
  const outside = join(home, "outside");
  write(outside, { "b.txt": "outside" });
  rmSync(join(path, "src/deep"), { recursive: true });
  symlinkSync(outside, join(path, "src/deep"));
  rmSync(join(path, ".gitignore"));
  git(path, "init", "--quiet", ".gitignore");
  write(path, { "closed/in/x": "x" });
  chmodSync(join(path, "closed/in"), 0o000);
  chmodSync(join(path, "closed"), 0o500);

  await resetWorktree(mirror, path, base);
  expect(git(path, "status", "--porcelain")).toBe("");
  expect(git(path, "rev-parse", "HEAD")).toBe(base);
  expect(readdirSync(path).sort()).toEqual([".git", ".gitignore", "README.md", "src"]);
  expect(readdirSync(join(path, "src")).sort()).toEqual(["a.txt", "deep"]);
  for (const [file, text] of Object.entries(someFiles)) {
    expect(readFileSync(join(path, file), "utf8")).toBe(text);
  }
  expect(readFileSync(join(outside, "b.txt"), "utf8")).toBe("outside");
  expect(readdirSync(admin).sort()).toEqual(["HEAD", "commondir", "gitdir", "index"]);
});

test("reset moves to another commit", async () => {
  const source = makeRepository();
  const first = git(source, "rev-parse", "HEAD");
  rmSync(join(source, "src"), { recursive: true });
  const second = commit(source, { src: "now a file" }, "Second");
  const { mirror, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, first);
  for (const [to, isFile] of [
    [second, true],
    [first, false],
  ] as const) {
    await resetWorktree(mirror, path, to);
    expect(lstatSync(join(path, "src")).isFile()).toBe(isFile);
    expect(git(path, "rev-parse", "HEAD")).toBe(to);
    expect(git(path, "status", "--porcelain")).toBe("");
  }
});

test("a folder deleted or moved away by hand comes back", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository());
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  rmSync(path, { recursive: true });
  expect(await listWorktrees(mirror)).toEqual([{ path, commit: base, present: false }]);
  expect(await addWorktree(mirror, path, base)).toBe("created");
  expect(git(path, "status", "--porcelain")).toBe("");
  renameSync(path, join(home, "moved"));
  await resetWorktree(mirror, path, base);
  expect(git(path, "status", "--porcelain")).toBe("");
});

test("what a crash left half-made is made anew", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository());
  const path = join(home, "trees", "sub_one");
  const record = join(mirror.gitDir, "deputy", "sub_one");
  const admin = join(mirror.gitDir, "worktrees", "sub_one");
  // Killed in the middle of the checkout: a record and half a tree, but no index of ours.
  write(record, { path, "index-1234.lock": "", "admin-1234/HEAD": base });
  write(path, { "README.md": "half" });
  // And what `git worktree add` itself leaves when it is killed.
  write(admin, { locked: "initializing", gitdir: `${path}/.git\n`, "index.lock": "" });
  expect(await addWorktree(mirror, path, base)).toBe("created");
  expect(git(path, "status", "--porcelain")).toBe("");
  expect(git(mirror.gitDir, "worktree", "list", "--porcelain")).not.toContain("locked");
  expect(readdirSync(record).sort()).toEqual(["index", "index-commit", "path"]);
  // Killed between the record and everything else, and while removing.
  rmSync(admin, { recursive: true });
  await removeWorktree(mirror, path);
  write(record, { path });
  await removeWorktree(mirror, path);
  expect(await addWorktree(mirror, path, base)).toBe("created");
  // Git's entry was lost, the work was not.
  write(path, { "new.txt": "work" });
  rmSync(admin, { recursive: true });
  expect(await addWorktree(mirror, path, base)).toBe("existed");
  expect(readFileSync(join(path, "new.txt"), "utf8")).toBe("work");
  expect(git(path, "status", "--porcelain")).toBe("?? new.txt");
});

test("submodules that nobody fetched stay empty folders", async () => {
  const inner = makeRepository({ "i.txt": "inner" });
  const source = makeRepository();
  git(source, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "lib");
  const head = commit(source, {}, "Submodule");
  const { mirror, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, head);
  expect(readdirSync(join(path, "lib"))).toEqual([]);
  write(path, { "lib/stray.txt": "x" });
  await resetWorktree(mirror, path, head);
  expect(readdirSync(join(path, "lib"))).toEqual([]);
});

test("a worktree whose folder was replaced by a link is made anew; what the link leads to is safe", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository());
  const path = join(home, "trees", "sub_one");
  const outside = join(home, "outside");
  write(outside, { "precious.txt": "p", "README.md": "mine" });
  for (const putBack of [resetWorktree, renewWorktree]) {
    await addWorktree(mirror, path, base);
    rmSync(path, { recursive: true });
    symlinkSync(outside, path);
    const taken = await snapshotWorktree(mirror, path, { parent: base, message: "x" });
    expect(taken).toMatchObject({ commit: base, changed: false, skipped: [{ path: "." }] });
    await putBack(mirror, path, base);
    expect(lstatSync(path).isDirectory()).toBe(true);
    expect(git(path, "status", "--porcelain")).toBe("");
  }
  rmSync(path, { recursive: true });
  symlinkSync(outside, path);
  await removeWorktree(mirror, path);
  expect(existsSync(path)).toBe(false);
  expect(readdirSync(outside).sort()).toEqual(["README.md", "precious.txt"]);
  expect(readFileSync(join(outside, "README.md"), "utf8")).toBe("mine");
});

/** A commit with blobs that go against its own attributes: no file was ever renormalised. */
function makeAgainstAttributes(): { source: string; head: string } {
  const source = makeRepository({
    "crlf.txt": "a\r\nb\r\n",
    "mixed.txt": "a\r\nb\n",
    'an "odd"\\name.txt': "a\r\nb\n",
    "expanded.c": "/* $Id: 1$ */\n",
  });
  git(source, "config", "core.autocrlf", "false");
  const attributes = "* text=auto\nmixed.txt text eol=crlf\nan* eol=crlf\n*.c ident\n";
  write(source, { ".gitattributes": attributes });
  git(source, "add", ".gitattributes"); // alone: what is added with it would be read again
  git(source, "commit", "--quiet", "-m", "Attributes");
  return { source, head: git(source, "rev-parse", "HEAD") };
}

test("what git itself calls changed after a checkout is no difference", async () => {
  const { head, source } = makeAgainstAttributes();
  const { mirror, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  expect(await addWorktree(mirror, path, head)).toBe("created");
  await renewWorktree(mirror, path, head);
  expect(readFileSync(join(path, "crlf.txt"), "utf8")).toBe("a\r\nb\r\n");
  expect(readFileSync(join(path, "mixed.txt"), "utf8")).toBe("a\r\nb\r\n");
  await resetWorktree(mirror, path, head);
  // With other times git reads them again, as it does within the second of a checkout.
  for (const name of readdirSync(path)) utimesSync(join(path, name), 1, 1);
  const take = () => snapshotWorktree(mirror, path, { parent: head, message: "x" });
  expect(await take()).toMatchObject({ changed: false });
  // What is really another stays, and nothing else comes with it.
  write(path, { "mixed.txt": "a\r\nc\r\n" });
  const { commit: taken } = await take();
  const changes = await listChanges(mirror, head, taken);
  expect(changes.map((change) => change.path)).toEqual(["mixed.txt"]);
  expect(readdirSync(join(mirror.gitDir, "deputy", "sub_one")).sort()).toEqual([
    "index",
    "index-commit",
    "path",
  ]);
});

test("nor is it one in a submodule", async () => {
  const inner = makeAgainstAttributes();
  const source = makeRepository();
  git(
    source,
    ...["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.source, "lib"],
  );
  const base = commit(source, {}, "Submodule");
  const { mirror, home } = await mirrorOf(source);
  git(mirror.gitDir, "fetch", "--quiet", inner.source, `HEAD:${submoduleRef(inner.head)}`);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  const keep = () => keepSubmodules(mirror, { path, base, ref: null, since: null });
  expect(readFileSync(join(path, "lib/mixed.txt"), "utf8")).toBe("a\r\nb\r\n");
  expect(await keep()).toEqual([]);
  write(path, { "lib/mixed.txt": "a\r\nc\r\n" });
  expect(await keep()).toEqual(["lib/mixed.txt"]);
});
