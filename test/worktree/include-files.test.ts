import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { includeFiles } from "../../src/worktree/checkout/include-files.ts";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { git, makeFolder, makeRepository, mirrorOf, write } from "./repositories.ts";

test("ignored files that are named come along, and never get into a commit", async () => {
  const source = makeRepository({
    ".gitignore": ".env*\nsecrets/\nlinked\nlocal-link/\n!kept.txt\n",
    ".worktreeinclude":
      "# for work\n.env*\n!.env.production\nsecrets/\nlinked\nunignored.txt\nglobal.txt\n/tracked.txt\nlocal-link/\n",
    "tracked.txt": "tracked",
  });
  write(source, {
    ".env": "A=1",
    ".env.production": "no",
    ".env.local": "from the user",
    "secrets/deep/key.pem": "key",
    "unignored.txt": "u",
    "global.txt": "g",
    "other.log": "not named",
    ".git/info/exclude": "global.txt\n",
  });
  chmodSync(join(source, "secrets/deep/key.pem"), 0o600);
  symlinkSync("/etc/passwd", join(source, "linked"));
  const { mirror, base, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  write(path, { ".env.local": "from the worktree" });
  // What the checkout says now does not count: the base commit does.
  write(source, { ".worktreeinclude": "*\n", "tracked.txt": "changed" });
  const { copied, skipped } = await includeFiles(mirror, source, path, base);
  expect(copied.sort()).toEqual([".env", "secrets/deep/key.pem"]);
  expect(skipped.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { path: ".env.local", reason: "exists in the worktree already" },
    { path: "global.txt", reason: expect.stringMatching(/would be committed/) },
    { path: "linked", reason: "a symbolic link" },
    { path: "unignored.txt", reason: expect.stringMatching(/would be committed/) },
  ]);
  expect(readFileSync(join(path, ".env"), "utf8")).toBe("A=1");
  expect(readFileSync(join(path, ".env.local"), "utf8")).toBe("from the worktree");
  expect(lstatSync(join(path, "secrets/deep/key.pem")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(path, "tracked.txt"), "utf8")).toBe("tracked");
  const taken = await snapshotWorktree(mirror, path, { parent: base, message: "x" });
  expect(taken.changed).toBe(false);
});

test("folders that are links, on either side, lead nowhere", async () => {
  const source = makeRepository({
    ".gitignore": "a/x\nb/x\n",
    ".worktreeinclude": "x\n",
    "a/keep": "",
    "b/keep": "",
  });
  const outside = makeFolder();
  mkdirSync(join(outside, "in"));
  write(source, { "a/x": "secret", "b/x": "secret" });
  const { mirror, base, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  git(path, "rm", "-r", "--quiet", "a");
  symlinkSync(join(outside, "in"), join(path, "a"));
  const { copied, skipped } = await includeFiles(mirror, source, path, base);
  expect(copied).toEqual(["b/x"]);
  expect(skipped.map((entry) => entry.path)).toEqual(["a/x"]);
  expect(existsSync(join(outside, "in/x"))).toBe(false);
});

test("nothing to include: no file, a bare repository, a remote", async () => {
  const source = makeRepository();
  const { mirror, base, home } = await mirrorOf(source);
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  const nothing = { copied: [], skipped: [] };
  expect(await includeFiles(mirror, source, path, base)).toEqual(nothing);
  expect(await includeFiles(mirror, "https://example.com/x", path, base)).toEqual(nothing);
});
