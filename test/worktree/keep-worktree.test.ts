import {
  chmodSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addWorktree, adoptWorktree, resetWorktree } from "../../src/worktree/checkout/worktree.ts";
import { keepWorktree, openWorktreeKeeper } from "../../src/worktree/commits/keep-worktree.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { type GitHost, localGit } from "../../src/worktree/git/git.ts";
import { runGit } from "../../src/worktree/git/run-git.ts";
import { openMirror, readRef } from "../../src/worktree/mirror/mirror.ts";
import { listCommits } from "../../src/worktree/read/list-commits.ts";
import { listFilesAt, readFileAt, treeOf } from "../../src/worktree/read/read-commit.ts";
import { git, makeRepository, mirrorOf, someFiles, write } from "./repositories.ts";

async function makeKept(files: Record<string, string> = someFiles, host: GitHost = localGit) {
  const { mirror, base, home } = await mirrorOf(makeRepository(files), host);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  const keeper = openWorktreeKeeper(mirror, { path, base, last: base, message: "Kept" });
  /** Keeps it, and says whether git itself would have stored the very same. */
  const keep = async (changed: readonly string[] | null = null) => {
    const kept = await keeper.keep(changed);
    const taken = await snapshotWorktree(mirror, path, { parent: base, message: "Snapshot" });
    expect(await treeOf(mirror, kept)).toBe(taken.tree);
    // Whoever looks for the first time sees the same.
    const once = await keepWorktree(mirror, { path, base, message: "Kept", ref: null });
    expect(await treeOf(mirror, once.commit)).toBe(taken.tree);
    expect(once.skipped).toEqual(taken.skipped);
    return kept;
  };
  return { mirror, base, path, keep, keeper };
}

test("what is kept is what a snapshot takes, whatever happens to the files", async () => {
  const { mirror, base, path, keep } = await makeKept();
  expect(await keep()).toBe(base);
  const steps: (() => void)[] = [
    () => write(path, { "src/a.txt": "changed\n", "new/deep/er/file": "n", "ignored/cache": "c" }),
    () => writeFileSync(join(path, "run.sh"), "#!/bin/sh\n", { mode: 0o755 }),
    () => symlinkSync("/etc/shadow", join(path, "link")),
    () => writeFileSync(Buffer.concat([Buffer.from(`${path}/caf`), Buffer.from([0xe9])]), "a name"),
    () => rmSync(join(path, "src"), { recursive: true }),
    () => write(path, { src: "a file in place of a folder\n" }),
    () => {
      rmSync(join(path, "new"), { recursive: true });
      write(path, { "new.": "between", "new-": "them", "new/again": "folder" });
    },
    () => {
      rmSync(join(path, "src"));
      symlinkSync("/etc", join(path, "src"));
    },
    () => {
      rmSync(join(path, "src"));
      mkdirSync(join(path, "src"));
      write(path, { "inside/.git/config": "[core]\n", "inside/file": "kept", "src/a.txt": "b\n" });
    },
    () =>
      write(path, { "tools/.gitattributes": "*.txt text eol=lf\n", "tools/x.txt": "a\r\nb\r\n" }),
    () => rmSync(join(path, "tools"), { recursive: true }),
  ];
  let last = base;
  for (const step of steps) {
    step();
    const kept = await keep();
    expect(kept).not.toBe(last);
    expect(await keep()).toBe(kept);
    last = kept;
  }
  await openMirror(mirror).run(["fsck", "--strict", "--no-dangling"]);
  await resetWorktree(mirror, path, base);
  last = await keep();
  expect(await treeOf(mirror, last)).toBe(await treeOf(mirror, base));
  // Each leads to the one before it, so a ref to the last one keeps them all.
  const chain = await listCommits(mirror, [last], [base]);
  expect(chain).toHaveLength(steps.length + 1);
});

test("a file that was named is kept without a look at the others, and a new one only if it is not ignored", async () => {
  const { mirror, base, path, keep, keeper } = await makeKept();
  write(path, { "src/a.txt": "one\n" });
  const one = await keep(["src/a.txt"]);
  expect(await readFileAt(mirror, one, "src/a.txt")).toBe("one\n");
  expect(await openMirror(mirror).run(["log", "--format=%P %cn %s", "-1", one])).toBe(
    `${base} Deputy Kept\n`,
  );
  expect(await keep(["src/a.txt"])).toBe(one);

  write(path, { "ignored/cache": "c" });
  expect(await keep(["ignored/cache"])).toBe(one);
  write(path, { "brand/new.txt": "n" });
  const two = await keep(["brand/new.txt"]);
  expect((await listFilesAt(mirror, two)).includes("brand/new.txt")).toBe(true);

  // The same size within the same moment, which looks the same: it is read again all the same.
  write(path, { "src/a.txt": "two\n" });
  const stamp = new Date();
  utimesSync(join(path, "src/a.txt"), stamp, stamp);
  expect(await readFileAt(mirror, await keeper.keep(null), "src/a.txt")).toBe("two\n");
  write(path, { "src/a.txt": "six\n" });
  utimesSync(join(path, "src/a.txt"), stamp, stamp);
  expect(await readFileAt(mirror, await keeper.keep(null), "src/a.txt")).toBe("six\n");
});

test("attributes that change what git stores, large files and a lost index are left to git", async () => {
  const attributes = { ...someFiles, ".gitattributes": "*.txt text\n", "b.txt": "b\n" };
  const { path, keep } = await makeKept(attributes);
  write(path, { "b.txt": "with\r\nother\r\nends\r\n", "big.bin": "x".repeat(1_100_000) });
  await keep(["b.txt"]);
  await keep();

  const plain = await makeKept();
  write(plain.path, { "big.bin": "x".repeat(1_100_000) });
  await plain.keep();
  const index = join(plain.mirror.gitDir, "deputy", "sub_one", "index");
  expect(existsSync(index)).toBe(true);
  rmSync(index);
  write(plain.path, { "src/a.txt": "later\n" });
  await plain.keep();
  await plain.keep(["src/a.txt"]);
});

type Step = [name: string, at: string, how: number];
const names = ["src/a.txt", "src/deep/b.txt", "new.txt", "empty", "src/fresh/c.txt", "link"];
const stepArb: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom("write", "write", "remove", "folder", "into", "mode", "link", "ignored", "rule"),
  fc.constantFrom(...names),
  fc.nat(9),
);

/** What an agent's command may do to a worktree; what is impossible at the moment is not done. */
function take(root: string, [name, at, how]: Step) {
  const path = join(root, at);
  const acts: Record<string, () => void> = {
    write: () => write(root, { [at]: `${how}\n` }),
    remove: () => rmSync(path, { recursive: true }),
    folder: () => mkdirSync(path, { recursive: true }),
    into: () => write(root, { [`${at}/inner-${how}`]: "n\n" }),
    mode: () => chmodSync(path, how % 2 === 0 ? 0o755 : 0o744),
    // It leads nowhere, so whatever follows it changes nothing outside.
    link: () => symlinkSync(how % 2 === 0 ? "src" : join(root, "nowhere"), path),
    ignored: () => write(root, { [`ignored/${how}`]: "c" }),
    rule: () => write(root, { ".gitignore": how % 2 === 0 ? "ignored\nempty/\n" : "*.txt\n" }),
  };
  try {
    acts[name]?.();
  } catch {
    // a file in the way of a folder, say
  }
}

test("whatever happened between two looks, they see it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(stepArb, { maxLength: 3 }), { maxLength: 9 }),
      async (all) => {
        const { path, keep } = await makeKept();
        await keep();
        for (const steps of all) {
          for (const step of steps) take(path, step);
          await keep();
        }
      },
    ),
    { numRuns: 12 },
  );
});

test("git is asked what changed, and nothing when that is known", async () => {
  const commands: string[] = [];
  const { mirror, path, keeper } = await makeKept(someFiles, {
    ...localGit,
    run: (request, signal) => {
      commands.push(request.args[0] ?? "");
      return runGit(request, signal);
    },
  });
  const count = async (work: () => Promise<unknown>) => {
    commands.length = 0;
    await work();
    return [...commands].sort();
  };
  await keeper.keep(null);
  write(path, { "src/a.txt": "one\n" });
  await keeper.keep(["src/a.txt"]);
  write(path, { "src/a.txt": "two\n", "src/deep/b.txt": "not looked at\n" });
  let kept = "";
  expect(await count(async () => (kept = await keeper.keep(["src/a.txt"])))).toEqual([]);
  expect(await readFileAt(mirror, kept, "src/deep/b.txt")).toBe("b\n");
  const asked = ["diff-files", "ls-files", "ls-files"];
  await keeper.keep(null);
  // From then on it is seen from outside that nothing came or went.
  expect(await count(() => keeper.keep(null))).toEqual([]);
  write(path, { "src/a.txt": "three\n", "src/deep/b.txt": "looked at\n" });
  expect(await count(async () => (kept = await keeper.keep(null)))).toEqual([]);
  expect(await readFileAt(mirror, kept, "src/deep/b.txt")).toBe("looked at\n");
  mkdirSync(join(path, "empty"));
  expect(await count(() => keeper.keep(null))).toEqual(asked);
  write(path, { "empty/not-any-more": "n\n" });
  kept = await keeper.keep(null);
  expect((await listFilesAt(mirror, kept)).includes("empty/not-any-more")).toBe(true);
});

test("it goes on from an earlier checkpoint, and moves no ref", async () => {
  const { mirror, base, path, keep } = await makeKept();
  write(path, { "src/a.txt": "earlier\n" });
  const earlier = await keep();
  const again = openWorktreeKeeper(mirror, { path, base, last: earlier, message: "Kept" });
  expect(await again.keep(null)).toBe(earlier);
  expect(await again.keep(["src/a.txt"])).toBe(earlier);
  expect(await readRef(mirror, "checkpoints/one")).toBeNull();
});

test("in a mirror that replaced the one before, nothing is taken for kept", async () => {
  const { mirror, base, path, keeper } = await makeKept();
  write(path, { "src/a.txt": "kept\n", "mine.txt": "mine\n" });
  await keeper.keep(null);
  const aside = `${mirror.gitDir}.aside`;
  renameSync(mirror.gitDir, aside);
  git(path, "clone", "--quiet", "--mirror", "--no-local", aside, mirror.gitDir);
  await adoptWorktree(mirror, path, base, null);
  write(path, { "src/a.txt": "later\n" });
  const later = await keeper.keep(null);
  const chain = await listCommits(mirror, [later], [base]);
  expect(chain.map(({ commit }) => commit)).toEqual([later]);
  expect(await readFileAt(mirror, later, "mine.txt")).toBe("mine\n");
  await openMirror(mirror).run(["update-ref", "refs/deputy/later", later]);
  await openMirror(mirror).run(["fsck", "--strict", "--no-dangling"]);
});
