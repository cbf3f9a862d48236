import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { includeFiles } from "../../src/worktree/checkout/include-files.ts";
import { readSparse } from "../../src/worktree/checkout/sparse.ts";
import {
  addWorktree,
  adoptWorktree,
  listWorktrees,
  moveBase,
  renewWorktree,
  resetWorktree,
} from "../../src/worktree/checkout/worktree.ts";
import { keepWorktree, openWorktreeKeeper } from "../../src/worktree/commits/keep-worktree.ts";
import { mergeCommits } from "../../src/worktree/commits/merge.ts";
import { restoreSnapshot, snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { findUnfitContent } from "../../src/worktree/content/find-unfit-content.ts";
import { type GitHost, localGit } from "../../src/worktree/git/git.ts";
import { type Mirror, openMirror, pinRef } from "../../src/worktree/mirror/mirror.ts";
import { withSoundMirror } from "../../src/worktree/mirror/repair-mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { listChanges } from "../../src/worktree/read/diff.ts";
import { readFileAt } from "../../src/worktree/read/read-commit.ts";
import { git, makeRepository, mirrorOf, write } from "./repositories.ts";

/** Worktrees that hold a part of the tree; what is outside of it is never deleted. */
const files = {
  "README.md": "# Huge\n",
  ".gitignore": "*.log\n.env\n",
  "packages/list.txt": "a b\n",
  "packages/a/one.txt": "one\n",
  "packages/a/deep/two.txt": "two\n",
  "packages/b/three.txt": "three\n",
  "packages/b/deep/four.txt": "four\n",
  "packages/b/.gitignore": "made/\n",
  "docs/five.txt": "five\n",
  "docs/é ü.txt": "six\n",
};

async function makeSparse(folders = ["packages/a"], host: GitHost = localGit) {
  const repository = makeRepository(files);
  const { mirror, base, home } = await mirrorOf(repository, host);
  const path = join(home, "trees", "sub_one");
  const sparse = { folders, base };
  await addWorktree(mirror, path, base, "filled", sparse);
  /** What changed, by both ways to tell, which must agree. */
  const changes = async (parent = base) => {
    const taken = await snapshotWorktree(mirror, path, { parent, message: "Snapshot" });
    const kept = await keepWorktree(mirror, {
      ...{ path, base: parent, message: "Kept", ref: "kept/one" },
    });
    expect(await treeAt(mirror, kept.commit)).toBe(taken.tree);
    expect(kept.skipped).toEqual(taken.skipped);
    const list = await listChanges(mirror, parent, taken.commit);
    return { ...taken, list: list.map((change) => `${change.status} ${change.path}`) };
  };
  return { repository, mirror, base, home, path, sparse, changes };
}

async function treeAt(mirror: Mirror, commit: string): Promise<string> {
  return (await openMirror(mirror).run(["rev-parse", `${commit}^{tree}`])).trim();
}

/** All files on disk, from the root. */
function onDisk(path: string): string[] {
  return git(
    path,
    "-c",
    "core.quotePath=false",
    "ls-files",
    "--others",
    "--exclude=.git",
    "--cached",
    "-t",
  )
    .split("\n")
    .map((line) => line.slice(2))
    .filter((file) => existsSync(join(path, file)))
    .sort();
}

const held = [
  ".gitignore",
  "README.md",
  "packages/a/deep/two.txt",
  "packages/a/one.txt",
  "packages/list.txt",
];

test("a sparse worktree holds its folders and the files above them, and is unchanged", async () => {
  const { changes, path } = await makeSparse();
  expect(onDisk(path)).toEqual(held);
  expect(existsSync(join(path, "packages/b"))).toBe(false);
  expect(existsSync(join(path, "docs"))).toBe(false);
  expect(await changes()).toMatchObject({ changed: false, skipped: [] });
  // An agent's git sees all of it, and takes nothing for deleted.
  expect(git(path, "status", "--porcelain")).toBe("");
  expect(git(path, "show", "HEAD:docs/five.txt")).toBe("five");
  expect(git(path, "grep", "four", "HEAD", "--", "packages/b")).toContain("deep/four.txt:four");
});

test("a change inside is the whole change: the tree keeps all of the rest", async () => {
  const { base, changes, mirror, path } = await makeSparse();
  write(path, { "packages/a/one.txt": "changed\n", "packages/a/new.txt": "new\n" });
  rmSync(join(path, "packages/a/deep"), { recursive: true });
  rmSync(join(path, "README.md"));
  const { commit, list } = await changes();
  expect(list).toEqual([
    "deleted README.md",
    "deleted packages/a/deep/two.txt",
    "added packages/a/new.txt",
    "modified packages/a/one.txt",
  ]);
  expect(git(mirror.gitDir, "ls-tree", "-r", "--name-only", commit, "docs", "packages/b")).toBe(
    git(mirror.gitDir, "ls-tree", "-r", "--name-only", base, "docs", "packages/b"),
  );
});

test("what is written outside is in the change, and is none when it is taken back", async () => {
  const { changes, mirror, path } = await makeSparse();
  write(path, {
    "packages/b/three.txt": "replaced\n",
    "packages/b/new.txt": "new\n",
    "packages/b/made/ignored.txt": "ignored by a file that is not here\n",
    "docs/é ü.txt": "changed\n",
    "tools/run.sh": "run\n",
  });
  symlinkSync("elsewhere", join(path, "docs/link"));
  const { commit, list, skipped } = await changes();
  expect(skipped).toEqual([]);
  expect(list).toEqual([
    "added docs/link",
    "modified docs/é ü.txt",
    "added packages/b/new.txt",
    "modified packages/b/three.txt",
    "added tools/run.sh",
  ]);
  expect(await readFileAt(mirror, commit, "packages/b/three.txt")).toBe("replaced\n");
  for (const folder of ["packages/b", "docs", "tools"])
    rmSync(join(path, folder), { recursive: true });
  expect((await changes()).list).toEqual([]);
  // The same content as in git.
  write(path, { "packages/b/three.txt": "three\n" });
  expect((await changes()).changed).toBe(false);
});

test("a keeper that is told of files outside keeps them, and deletes nothing", async () => {
  const { base, mirror, path } = await makeSparse();
  const keeper = openWorktreeKeeper(mirror, { path, base, last: base, message: "Checkpoint" });
  write(path, { "packages/b/three.txt": "replaced\n" });
  const first = await keeper.keep(["packages/b/three.txt"]);
  expect(await readFileAt(mirror, first, "packages/b/three.txt")).toBe("replaced\n");
  rmSync(join(path, "packages/b/three.txt"));
  expect(await treeAt(mirror, await keeper.keep(["packages/b/three.txt"]))).toBe(
    await treeAt(mirror, base),
  );
});

test("what stands in the place of something outside is refused by name, and deletes nothing", async () => {
  const { base, changes, mirror, path } = await makeSparse();
  writeFileSync(join(path, "docs"), "a file in the place of a folder\n");
  mkdirSync(join(path, "packages/b/three.txt"), { recursive: true });
  write(path, { "packages/b/three.txt/inner.txt": "inner\n", "packages/a/one.txt": "changed\n" });
  mkdirSync(join(path, "packages/b/deep/four.txt"), { recursive: true });
  const { commit, list, skipped } = await changes();
  expect(list).toEqual(["modified packages/a/one.txt"]);
  expect(skipped.map((one) => one.path).sort()).toEqual(["docs", "packages/b/three.txt/inner.txt"]);
  const unfit = await findUnfitContent(mirror, {
    workTree: path,
    base,
    commit,
    skipped,
    maxFileBytes: null,
  });
  expect(unfit).toMatchObject([
    { path: "docs", isContent: true, reason: expect.stringContaining("would delete it") },
    { path: "packages/b/three.txt/inner.txt", isContent: true },
  ]);
});

test("reset brings back exactly the part, whatever an agent made of it", async () => {
  const { base, changes, mirror, path, sparse } = await makeSparse();
  write(path, { "packages/b/three.txt/inner.txt": "x", "packages/b/new.txt": "x", "tools/x": "x" });
  write(path, { "packages/a/made.log": "ignored, stays\n" });
  rmSync(join(path, "packages/a/one.txt"));
  symlinkSync("/tmp", join(path, "docs"));
  await resetWorktree(mirror, path, base, "filled", sparse);
  expect(onDisk(path)).toEqual([...held, "packages/a/made.log"].sort());
  expect((await changes()).changed).toBe(false);
  // Without words about it, it stays the part that it is.
  write(path, { "packages/b/three.txt": "x" });
  await resetWorktree(mirror, path, base);
  expect(existsSync(join(path, "packages/b"))).toBe(false);
  await renewWorktree(mirror, path, base, "filled", null);
  expect(existsSync(join(path, "packages/b/three.txt"))).toBe(true);
});

test("earlier work outside is in the worktree of its commit, where it can be deleted", async () => {
  const { base, changes, home, mirror, path, sparse } = await makeSparse();
  write(path, { "packages/b/three.txt": "worked on\n", "tools/new.txt": "new\n" });
  const work = (await changes()).commit;
  const next = join(home, "trees", "sub_two");
  await addWorktree(mirror, next, work, "filled", sparse);
  expect(readFileSync(join(next, "packages/b/three.txt"), "utf8")).toBe("worked on\n");
  expect(existsSync(join(next, "packages/b/deep"))).toBe(false);
  rmSync(join(next, "tools/new.txt"));
  const taken = await snapshotWorktree(mirror, next, { parent: work, message: "Next" });
  expect((await listChanges(mirror, work, taken.commit)).map((one) => one.path)).toEqual([
    "tools/new.txt",
  ]);
  // An attempt that goes on from its checkpoint: files of the one, HEAD of the other.
  await resetWorktree(mirror, path, work, "left", sparse);
  await moveBase(mirror, path, base);
  expect((await changes()).list).toEqual(["modified packages/b/three.txt", "added tools/new.txt"]);
});

test("work that takes back what was merged outside survives a move of the base", async () => {
  const { base, changes, mirror, path, sparse } = await makeSparse();
  write(path, { "packages/b/three.txt": "merged\n", "packages/b/new.txt": "merged\n" });
  const merged = (await changes()).commit;
  // The checkpoint has what the base of the whole work had.
  await resetWorktree(mirror, path, base, "left", sparse);
  await moveBase(mirror, path, merged);
  expect((await changes(merged)).list).toEqual([
    "deleted packages/b/new.txt",
    "modified packages/b/three.txt",
  ]);
});

test("a snapshot of work outside is restored as it was", async () => {
  const { base, changes, home, mirror, path, sparse } = await makeSparse();
  write(path, { "packages/b/three.txt": "worked on\n", "packages/a/one.txt": "1\n" });
  const { commit, tree } = await changes();
  const restored = join(home, "trees", "restored");
  await restoreSnapshot(mirror, commit, restored, null, sparse);
  expect(onDisk(restored)).toEqual([...held, "packages/b/three.txt"].sort());
  const again = await snapshotWorktree(mirror, restored, { parent: base, message: "Again" });
  expect(again.tree).toBe(tree);
});

test("two changes merge outside of what any worktree holds; a conflict there is in the next one", async () => {
  const { base, changes, home, mirror, path, sparse } = await makeSparse();
  write(path, { "packages/b/three.txt": "mine\n", "packages/a/one.txt": "mine\n" });
  const mine = (await changes()).commit;
  await resetWorktree(mirror, path, base, "filled", sparse);
  write(path, { "packages/b/three.txt": "theirs\n", "docs/five.txt": "theirs\n" });
  const theirs = (await changes()).commit;
  const merge = await mergeCommits(mirror, { into: mine, from: theirs, message: "Merge" });
  expect(merge).toMatchObject({ kind: "conflict", files: ["packages/b/three.txt"] });
  // As a base that moved is merged: both sides are in the commit.
  const tree = merge.kind === "conflict" ? merge.tree : "";
  const both = (
    await openMirror(mirror).run(["commit-tree", tree, "-p", mine, "-p", theirs, "-m", "Merge"])
  ).trim();
  const next = join(home, "trees", "sub_two");
  await addWorktree(mirror, next, both, "filled", sparse);
  expect(readFileSync(join(next, "packages/b/three.txt"), "utf8")).toContain("<<<<<<<");
  expect(readFileSync(join(next, "docs/five.txt"), "utf8")).toBe("theirs\n");
  write(next, { "packages/b/three.txt": "both\n" });
  const { commit } = await snapshotWorktree(mirror, next, { parent: both, message: "Resolved" });
  expect(await readFileAt(mirror, commit, "packages/b/three.txt")).toBe("both\n");
  expect(await readFileAt(mirror, commit, "packages/b/deep/four.txt")).toBe("four\n");
});

test("an agent's own sparse checkout counts by the files that it leaves", async () => {
  const { changes, mirror, path } = await makeSparse();
  git(path, "sparse-checkout", "disable");
  expect(existsSync(join(path, "docs/five.txt"))).toBe(true);
  expect((await changes()).changed).toBe(false);
  git(path, "sparse-checkout", "set", "docs");
  expect(existsSync(join(path, "packages/a"))).toBe(false);
  const { commit, list } = await changes();
  expect(list).toEqual(
    ["deleted packages/a/deep/two.txt", "deleted packages/a/one.txt"].concat(
      existsSync(join(path, "packages/list.txt")) ? [] : ["deleted packages/list.txt"],
    ),
  );
  expect(await readFileAt(mirror, commit, "packages/b/three.txt")).toBe("three\n");
});

test("files that the daemon may not read outside stay as they were", async () => {
  const { changes, path } = await makeSparse();
  write(path, { "packages/b/three.txt": "secret\n" });
  chmodSync(join(path, "packages/b/three.txt"), 0);
  expect(await changes()).toMatchObject({
    changed: false,
    skipped: [{ path: "packages/b/three.txt" }],
  });
});

test("a worktree whose record was lost is adopted as the part that it is", async () => {
  const { base, changes, mirror, path, sparse } = await makeSparse();
  write(path, { "packages/b/three.txt": "worked on\n" });
  rmSync(join(mirror.gitDir, "deputy", "sub_one"), { recursive: true });
  await adoptWorktree(mirror, path, base, sparse);
  expect((await listWorktrees(mirror)).map((one) => one.path)).toEqual([path]);
  expect((await changes()).list).toEqual(["modified packages/b/three.txt"]);
  expect(git(path, "status", "--porcelain")).toBe("");
});

test.each(["snapshot", "kept", "keeper"])(
  "a %s of a worktree whose record was lost deletes nothing outside of the part",
  async (way) => {
    const { base, mirror, path, sparse } = await makeSparse();
    rmSync(join(mirror.gitDir, "deputy", "sub_one"), { recursive: true });
    write(path, { "packages/a/one.txt": "worked on\n" });
    const about = { path, base, message: "Work", sparse };
    const take = async () => {
      if (way === "snapshot")
        return (await snapshotWorktree(mirror, path, { ...about, parent: base })).commit;
      if (way === "kept") return (await keepWorktree(mirror, { ...about, ref: null })).commit;
      return openWorktreeKeeper(mirror, { ...about, last: base }).keep(null);
    };
    const changes = await listChanges(mirror, base, await take());
    expect(changes.map((one) => `${one.status} ${one.path}`)).toEqual([
      "modified packages/a/one.txt",
    ]);
  },
);

test("a mirror that is made anew knows a sparse worktree before it has its place", async () => {
  const { base, changes, mirror, path, repository, sparse } = await makeSparse();
  write(path, { "packages/b/three.txt": "worked on\n" });
  const { commit } = await changes();
  await pinRef(mirror, "attempts/one", commit);
  await resetWorktree(mirror, path, commit, "filled", sparse);
  rmSync(join(mirror.gitDir, "HEAD"));
  let known: ReturnType<typeof readSparse> = null;
  const fill = async (draft: Mirror) => {
    known = readSparse(draft, path);
  };
  await withSoundMirror(mirror, parseRepository(repository), { fill }, () => treeAt(mirror, base));
  expect(known).toEqual({ folders: ["packages/a"], files: new Set(["packages/b/three.txt"]) });
  rmSync(join(path, "packages/b/three.txt"));
  expect((await changes(commit)).list).toEqual(["deleted packages/b/three.txt"]);
});

test.each(["snapshot", "kept"])(
  "a %s during which the mirror is replaced is of one of the two",
  async (way) => {
    let replace: (() => Promise<unknown>) | null = null;
    const host: GitHost = {
      ...localGit,
      run: async (request, signal) => {
        const now = request.args.includes("diff-files") ? replace : null;
        if (now !== null) {
          replace = null;
          await now();
        }
        return localGit.run(request, signal);
      },
    };
    const { base, mirror, path, repository, sparse } = await makeSparse(undefined, host);
    write(path, { "packages/a/new.txt": "new\n" });
    rmSync(join(path, "packages/a/one.txt"));
    replace = async () => {
      rmSync(join(mirror.gitDir, "HEAD"));
      const source = parseRepository(repository);
      await withSoundMirror(mirror, source, {}, () => treeAt(mirror, base));
    };
    const about = { path, base, message: "Work", sparse };
    const { commit } =
      way === "snapshot"
        ? await snapshotWorktree(mirror, path, { ...about, parent: base })
        : await keepWorktree(mirror, { ...about, ref: null });
    expect(replace).toBe(null);
    const changes = await listChanges(mirror, base, commit);
    expect(changes.map((one) => `${one.status} ${one.path}`)).toEqual([
      "added packages/a/new.txt",
      "deleted packages/a/one.txt",
    ]);
  },
);

test("adopted on a commit with other work outside, it deletes nothing of that", async () => {
  const { changes, mirror, path, sparse } = await makeSparse();
  write(path, { "packages/b/three.txt": "merged\n", "tools/new.txt": "merged\n" });
  const merged = (await changes()).commit;
  rmSync(join(mirror.gitDir, "deputy", "sub_one"), { recursive: true });
  for (const folder of ["packages/b", "tools"]) rmSync(join(path, folder), { recursive: true });
  await adoptWorktree(mirror, path, merged, sparse);
  expect((await changes(merged)).list).toEqual([]);
});

test("ignored files are copied to where the worktree has a place for them", async () => {
  const repository = makeRepository({ ...files, ".worktreeinclude": ".env\n" });
  write(repository, { ".env": "root", "packages/a/.env": "a", "packages/b/.env": "b" });
  const { base, home, mirror } = await mirrorOf(repository);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base, "filled", { folders: ["packages/a"], base });
  expect(await includeFiles(mirror, repository, path, base)).toEqual({
    copied: [".env", "packages/a/.env"],
    skipped: [
      {
        path: "packages/b/.env",
        reason: "outside of the folders that this sparse worktree holds",
      },
    ],
  });
});

test("several folders at several depths, with names that are no plain words", async () => {
  const repository = makeRepository({
    ...files,
    "a b/c/d e/x.txt": "x",
    "a b/c/beside.txt": "x",
    "a b/c/other/y.txt": "y",
    "ünder/z.txt": "z",
    "!mark/#hash/q.txt": "q",
  });
  const { base, home, mirror } = await mirrorOf(repository);
  const path = join(home, "trees", "sub_one");
  const folders = ["a b/c/d e", "ünder", "!mark/#hash"];
  await addWorktree(mirror, path, base, "filled", { folders, base });
  expect(existsSync(join(path, "a b/c/d e/x.txt"))).toBe(true);
  expect(existsSync(join(path, "a b/c/beside.txt"))).toBe(true);
  expect(existsSync(join(path, "a b/c/other"))).toBe(false);
  expect(existsSync(join(path, "ünder/z.txt"))).toBe(true);
  expect(existsSync(join(path, "!mark/#hash/q.txt"))).toBe(true);
  expect(existsSync(join(path, "docs"))).toBe(false);
  renameSync(join(path, "ünder"), join(path, "over"));
  const { commit } = await snapshotWorktree(mirror, path, { parent: base, message: "Moved" });
  expect((await listChanges(mirror, base, commit)).map((one) => one.path)).toContain("over/z.txt");
});

test("whatever is written and deleted, a sparse worktree makes the commit of a whole one", async () => {
  const { base, home, mirror, sparse } = await makeSparse();
  const path = fc.constantFrom(
    ...Object.keys(files),
    "new.txt",
    "tools/x",
    "docs/n",
    "packages/a/n",
  );
  const act = fc.record({ path, text: fc.option(fc.constantFrom("1\n", "two\n", "three\n")) });
  const rounds = fc.array(fc.array(act, { maxLength: 6 }), { minLength: 1, maxLength: 3 });
  let count = 0;
  /** What each of the two makes of these acts, from this commit; of files that both have. */
  const work = async (from: string, acts: readonly { path: string; text: string | null }[]) => {
    const trees = ["whole", "sparse"].map((kind) => join(home, "trees", `${kind}-${++count}`));
    const [whole = "", part = ""] = trees;
    await addWorktree(mirror, whole, from);
    await addWorktree(mirror, part, from, "filled", sparse);
    // One that was not here at first is not deleted by its absence.
    const unseen = new Set(
      acts
        .map((act) => act.path)
        .filter((file) => existsSync(join(whole, file)) && !existsSync(join(part, file))),
    );
    for (const { path: file, text } of acts) {
      if (text !== null) for (const tree of trees) write(tree, { [file]: text });
      else if (existsSync(join(part, file)) && !unseen.has(file))
        for (const tree of trees) rmSync(join(tree, file));
    }
    const made = [];
    for (const tree of trees) {
      made.push(await snapshotWorktree(mirror, tree, { parent: from, message: "Made" }));
      const kept = { path: tree, base: from, message: "Kept", ref: `kept/${count}` };
      made.push({ tree: await treeAt(mirror, (await keepWorktree(mirror, kept)).commit) });
    }
    expect(new Set(made.map(({ tree }) => tree)).size).toBe(1);
    // And as work that goes on from there, on its old base.
    const { commit } = await snapshotWorktree(mirror, part, { parent: from, message: "Made" });
    await resetWorktree(mirror, part, commit, "left", sparse);
    await moveBase(mirror, part, from);
    const again = await snapshotWorktree(mirror, part, { parent: from, message: "Made" });
    expect(again.tree).toBe(made[0]?.tree);
    return commit;
  };
  await fc.assert(
    fc.asyncProperty(rounds, async (all) => {
      let at = base;
      for (const acts of all) at = await work(at, acts);
    }),
    { numRuns: 12 },
  );
});
