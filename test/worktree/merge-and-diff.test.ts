import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mergeCommits } from "../../src/worktree/commits/merge.ts";
import { findOutsideLinks, leadsOutside } from "../../src/worktree/content/find-outside-links.ts";
import { diffCommits, listChanges, writePatch } from "../../src/worktree/read/diff.ts";
import {
  isAncestor,
  listFilesAt,
  readFileAt,
  treeOf,
} from "../../src/worktree/read/read-commit.ts";
import { commit, git, makeFolder, makeRepository, mirrorOf } from "./repositories.ts";

/** A repository whose branches `one` and `two` start at main and do what is given. */
async function makeBranches(one: Record<string, string>, two: Record<string, string>) {
  const source = makeRepository();
  git(source, "checkout", "--quiet", "-b", "one");
  const first = commit(source, one, "One");
  git(source, "checkout", "--quiet", "-b", "two", "main");
  const second = commit(source, two, "Two");
  return { source, one: first, two: second, ...(await mirrorOf(source)) };
}

test("a merge of both sides, without a worktree", async () => {
  const { mirror, one, two } = await makeBranches(
    { "src/a.txt": "ONE\ntwo\nthree\n", "one.txt": "1" },
    { "src/a.txt": "one\ntwo\nTHREE\n", "two.txt": "2" },
  );
  const merged = await mergeCommits(mirror, { into: one, from: two, message: "Merge two\n\nWhy." });
  if (merged.kind !== "merged") throw new Error("no merge");
  expect(merged.fastForward).toBe(false);
  expect(await readFileAt(mirror, merged.commit, "src/a.txt")).toBe("ONE\ntwo\nTHREE\n");
  expect(git(mirror.gitDir, "show", "-s", "--format=%P|%ae|%B", merged.commit)).toBe(
    `${one} ${two}|deputy@localhost|Merge two\n\nWhy.`,
  );
});

test("what needs no merge is a fast-forward", async () => {
  const { mirror, one } = await makeBranches({ "one.txt": "1" }, { "two.txt": "2" });
  const base = git(mirror.gitDir, "rev-parse", "origin/main");
  const forward = { kind: "merged", commit: one, fastForward: true };
  expect(await mergeCommits(mirror, { into: base, from: one, message: "m" })).toEqual(forward);
  expect(await mergeCommits(mirror, { into: one, from: base, message: "m" })).toEqual(forward);
  expect(await isAncestor(mirror, base, one)).toBe(true);
  expect(await isAncestor(mirror, one, base)).toBe(false);
});

test("a conflict names its files and changes nothing", async () => {
  const { mirror, one, two } = await makeBranches(
    { "src/a.txt": "1\n", "README.md": "1\n", "new é.txt": "1" },
    { "src/a.txt": "2\n", "README.md": "2\n", "new é.txt": "2" },
  );
  const refs = git(mirror.gitDir, "for-each-ref");
  expect(await mergeCommits(mirror, { into: one, from: two, message: "m" })).toEqual({
    kind: "conflict",
    files: ["README.md", "new é.txt", "src/a.txt"],
    tree: expect.stringMatching(/^[0-9a-f]{40}$/),
  });
  expect(git(mirror.gitDir, "for-each-ref")).toBe(refs);
  await expect(
    mergeCommits(mirror, { into: one, from: "0".repeat(40), message: "m" }),
  ).rejects.toThrow(/merge-base/);
});

test("changes are listed by path; a patch applies to give the very tree", async () => {
  const source = makeRepository({
    "keep.txt": "k",
    "old name.txt": "x\n".repeat(50),
    "t.txt": "t",
  });
  const base = git(source, "rev-parse", "HEAD");
  git(source, "mv", "old name.txt", "new\tname.txt");
  rmSync(join(source, "t.txt"));
  symlinkSync("keep.txt", join(source, "t.txt"));
  execFileSync("sh", ["-c", "head -c 5000 /dev/urandom > bin.dat"], { cwd: source });
  const head = commit(source, { "keep.txt": "K" }, "Change");
  const { mirror } = await mirrorOf(source);
  expect(await listChanges(mirror, base, head)).toEqual([
    { path: "bin.dat", status: "added" },
    { path: "keep.txt", status: "modified" },
    { path: "new\tname.txt", status: "added" },
    { path: "old name.txt", status: "deleted" },
    { path: "t.txt", status: "type_changed" },
  ]);
  expect(await listChanges(mirror, head, head)).toEqual([]);
  const folder = makeFolder();
  const patch = join(folder, "change.patch");
  await writePatch(mirror, base, head, patch);
  expect(statSync(patch).mode & 0o777).toBe(0o600);
  git(source, "checkout", "--quiet", "--detach", base);
  git(source, "apply", "--index", patch);
  expect(git(source, "write-tree")).toBe(await treeOf(mirror, head));
  expect(await diffCommits(mirror, base, head)).toBe(readFileSync(patch, "utf8"));
  expect(await diffCommits(mirror, head, head)).toBe("");
});

test("a long diff is cut at a line and says by how much", async () => {
  const source = makeRepository();
  const head = commit(source, { "long.txt": "0123456789\n".repeat(1000) }, "Long");
  const { mirror } = await mirrorOf(source);
  const cut = await diffCommits(mirror, `${head}^`, head, { maxBytes: 2000 });
  expect(cut.length).toBeLessThan(2100);
  expect(cut).toMatch(/\n\+0123456789\n\[… \d+ more bytes of this diff left out\]\n$/);
});

test("files of a commit are read literally: no links, no folders, no magic", async () => {
  const source = makeRepository({
    "a/b.txt": "b",
    "a/c/d.txt": "d",
    ":(top)x": "colon",
    "*": "star",
  });
  symlinkSync("a/b.txt", join(source, "link"));
  const head = commit(source, {}, "Link");
  const { mirror } = await mirrorOf(source);
  const read = (path: string) => readFileAt(mirror, head, path);
  expect(await read("a/b.txt")).toBe("b");
  expect(await read(":(top)x")).toBe("colon");
  expect(await read("*")).toBe("star");
  for (const path of ["a", "link", "none", "../x", "/etc/passwd", "a/b.txt/", "--help", ""]) {
    expect(await read(path).catch(() => null)).toBeNull();
  }
  expect(await listFilesAt(mirror, head, "a")).toEqual(["a/b.txt", "a/c/d.txt"]);
  expect(await listFilesAt(mirror, head)).toHaveLength(5);
});

test.each([
  ["link", "a.txt", false],
  ["src/link", "../a.txt", false],
  ["src/link", "../../a.txt", true],
  ["src/link", "deep/../../../a.txt", true],
  ["link", "..", true],
  ["src/link", "..", false],
  ["link", "/etc/passwd", true],
  ["link", "..hidden/a", false],
])("a link %s to %s leads outside: %s", (path, target, outside) => {
  expect(leadsOutside(path, target)).toBe(outside);
});

test("new links that lead outside are named, a bounded number of them, and old ones are not", async () => {
  const source = makeRepository();
  const link = (name: string, target: string) => symlinkSync(target, join(source, name));
  link("old", "/etc");
  const base = commit(source, {}, "Base");
  link("within", "src/a.txt");
  for (let n = 10; n < 35; n++) link(`out-${n}`, `/etc/${n}`);
  const tip = commit(source, {}, "Links");
  const { mirror } = await mirrorOf(source);
  const found = await findOutsideLinks(mirror, base, tip);
  expect(found).toHaveLength(21);
  expect([found[0], found.at(-1)]).toEqual(["out-10 → /etc/10", "and 5 more"]);
  expect(await findOutsideLinks(mirror, tip, tip)).toEqual([]);
});
