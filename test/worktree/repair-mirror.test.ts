import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { addWorktree, listWorktrees, resetWorktree } from "../../src/worktree/checkout/worktree.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { ensureMirror, openMirrors, pinRef, readRef } from "../../src/worktree/mirror/mirror.ts";
import { openMirror } from "../../src/worktree/mirror/open-mirror.ts";
import { removeSetAside, withSoundMirror } from "../../src/worktree/mirror/repair-mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { commit, git, makeRepository, mirrorOf, write } from "./repositories.ts";

/** Ways to lose a mirror, and whether our own refs can still be read afterwards. */
const damages: [string, (gitDir: string) => void, boolean][] = [
  [
    "it was deleted",
    (dir) => {
      chmodSync(join(dir, "deputy-bin/thrown/closed"), 0o755);
      rmSync(dir, { recursive: true });
    },
    false,
  ],
  [
    "half of it was deleted",
    (dir) => {
      for (const name of ["HEAD", "config", "objects", "refs"])
        rmSync(join(dir, name), { recursive: true });
    },
    false,
  ],
  ["HEAD is gone", (dir) => rmSync(join(dir, "HEAD")), true],
  ["HEAD is empty", (dir) => writeFileSync(join(dir, "HEAD"), ""), true],
  [
    "the objects are gone",
    (dir) => {
      rmSync(join(dir, "objects"), { recursive: true });
      mkdirSync(join(dir, "objects"));
    },
    false,
  ],
  [
    "a ref is garbage",
    (dir) => writeFileSync(join(dir, "refs/remotes/origin/main"), "garbage\n"),
    true,
  ],
  [
    "a pack was cut short",
    (dir) => {
      git(dir, "repack", "-adq");
      for (const name of readdirSync(join(dir, "objects/pack")))
        if (name.endsWith(".pack")) {
          rmSync(join(dir, "objects/pack", name.replace(/pack$/, "rev")), { force: true });
          truncateSync(join(dir, "objects/pack", name), 60);
        }
    },
    false,
  ],
];

/** Commands that need objects, as the stages run them, each with words of its own for a missing one. */
const needing: string[][] = [
  ["rev-parse", "--verify", "--end-of-options", "C^{tree}"],
  ["rev-parse", "--verify", "C^{commit}"],
  ["cat-file", "-t", "C"],
  ["cat-file", "-p", "B"],
  ["cat-file", "blob", "B"],
  ["ls-tree", "-r", "C"],
  ["diff-tree", "-r", "C", "C"],
  ["diff", "--raw", "C", "C"],
  ["merge-base", "C", "C"],
  ["merge-tree", "--write-tree", "C", "C"],
  ["commit-tree", "T", "-p", "C", "-m", "x"],
  ["update-ref", "refs/deputy/x", "C"],
  ["read-tree", "T"],
  ["rev-list", "-1", "C"],
  ["archive", "-o", "/dev/null", "C"],
  ["grep", "a", "C"],
  ["branch", "some", "C"],
];

test("whatever git says of an object that is gone, the mirror is made anew", async () => {
  const source = makeRepository();
  const { mirror, base } = await mirrorOf(source);
  const named: Record<string, string> = {
    C: base,
    T: git(source, "rev-parse", `${base}^{tree}`).trim(),
    B: git(source, "rev-parse", `${base}:src/a.txt`).trim(),
  };
  for (const command of needing) {
    rmSync(join(mirror.gitDir, "objects"), { recursive: true });
    mkdirSync(join(mirror.gitDir, "objects"));
    const args = command.map((arg) => arg.replace(/^[CTB](?=$|\^)/, (name) => named[name] ?? name));
    const work = () => openMirror(mirror).run(args);
    await withSoundMirror(mirror, parseRepository(source), { want: base }, work);
  }
});

test.each(damages)(
  "%s: the mirror is made anew, and work goes on",
  async (_, damage, isReadable) => {
    const source = makeRepository();
    const { mirror, base, home } = await mirrorOf(source);
    const root = join(home, "mirrors");
    const repository = parseRepository(source);
    const path = join(home, "trees", "sub_one");
    await addWorktree(mirror, path, base);
    write(path, { "src/a.txt": "work", "new.txt": "n" });
    const taken = await snapshotWorktree(mirror, path, {
      parent: base,
      message: "x",
      ref: "attempts/one",
    });
    // An agent's, for which not everybody may delete it as it is.
    write(mirror.gitDir, { "deputy-bin/thrown/closed/file": "f" });
    chmodSync(join(mirror.gitDir, "deputy-bin/thrown/closed"), 0o555);
    damage(mirror.gitDir);
    const options = { want: base };
    await withSoundMirror(mirror, repository, options, () => pinRef(mirror, "base/one", base));
    await ensureMirror(openMirrors(root), repository);
    expect(await readRef(mirror, "base/one")).toBe(base);
    expect(await readRef(mirror, "attempts/one")).toBe(isReadable ? taken.commit : null);
    expect(git(mirror.gitDir, "fsck", "--no-dangling")).toBe("");

    // What is in the worktree is work, and it is known again.
    const again = await withSoundMirror(mirror, repository, options, () =>
      snapshotWorktree(mirror, path, { parent: base, message: "x" }),
    );
    expect(again.tree).toBe(taken.tree);
    const asides = readdirSync(root).filter((name) => name.startsWith(".broken-"));
    expect(asides).toHaveLength(existsSync(join(root, asides[0] ?? "none")) ? 1 : 0);
    expect(await removeSetAside(root, new Date(0))).toBe(0);
    expect(await removeSetAside(root, new Date(Date.now() + 1_000))).toBe(asides.length);
  },
);

test("worktrees that the broken mirror knew keep their files and are known to the new one", async () => {
  const source = makeRepository();
  const { mirror, base, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  write(path, { "src/a.txt": "work" });
  rmSync(join(mirror.gitDir, "HEAD"));
  await ensureMirror(openMirrors(join(home, "mirrors")), parseRepository(source));
  expect(await listWorktrees(mirror)).toEqual([{ path, commit: base, present: true }]);
  expect(readFileSync(join(path, "src/a.txt"), "utf8")).toBe("work");
  expect(git(path, "status", "--porcelain")).toBe(" M src/a.txt");
  await resetWorktree(mirror, path, base);
  expect(git(path, "status", "--porcelain")).toBe("");
});

test("a sound mirror is not replaced for an error that is nobody's damage", async () => {
  const source = makeRepository();
  const { mirror, home } = await mirrorOf(source);
  const repository = parseRepository(source);
  let runs = 0;
  const failing = withSoundMirror(mirror, repository, {}, async () => {
    runs++;
    return pinRef(mirror, "base/none", "1".repeat(40));
  });
  await expect(failing).rejects.toThrow(/nonexistent object/);
  expect(runs).toBe(1);
  expect(readdirSync(join(home, "mirrors")).filter((name) => name.startsWith("."))).toEqual([]);
  commit(source, { "b.txt": "b" }, "More");
  await ensureMirror(openMirrors(join(home, "mirrors")), repository);
});
