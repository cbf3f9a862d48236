import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  findRecent,
  listIgnoredFiles,
  removeIgnoredFiles,
} from "../../src/worktree/checkout/ignored-files.ts";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { placeOf } from "../../src/worktree/checkout/worktree-place.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { git, makeRepository, mirrorOf, write } from "./repositories.ts";

const yesterday = () => new Date(Date.now() - 24 * 60 * 60_000);
const tomorrow = () => new Date(Date.now() + 24 * 60 * 60_000);

async function makeWorktree() {
  const files = {
    ".gitignore": "node_modules/\n*.log\nclone/\nlink\n",
    "src/a.txt": "a\n",
  };
  const { mirror, base, home } = await mirrorOf(makeRepository(files));
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  return { mirror, base, home, path };
}

test("exactly what no snapshot holds is removed, with the folders that are empty then", async () => {
  const { base, home, mirror, path } = await makeWorktree();
  write(home, { "outside/kept.txt": "kept\n" });
  write(path, {
    "node_modules/pkg/lib/index.js": "1\n",
    "node_modules/.bin/tool": "1\n",
    "new/mine.txt": "mine\n",
    "new/noise.log": "noise\n",
    "logs only/b.log": "b\n",
    "clone/file.txt": "1\n",
    "src/a.txt": "changed\n",
  });
  git(join(path, "clone"), "init", "--quiet");
  symlinkSync(join(home, "outside"), join(path, "link"));
  const options = { parent: base, message: "Snapshot" };
  const before = await snapshotWorktree(mirror, path, options);

  const paths = await listIgnoredFiles(mirror, path);
  const removed = await removeIgnoredFiles(path, paths);
  expect(removed.files).toBe(paths.length);
  for (const gone of ["node_modules", "new/noise.log", "logs only", "clone", "link"])
    expect(existsSync(join(path, gone)), gone).toBe(false);
  expect(readFileSync(join(path, "new/mine.txt"), "utf8")).toBe("mine\n");
  expect(readFileSync(join(home, "outside/kept.txt"), "utf8")).toBe("kept\n");
  expect((await snapshotWorktree(mirror, path, options)).tree).toBe(before.tree);
  expect(await listIgnoredFiles(mirror, path)).toEqual([]);
});

test("a folder that became a link meanwhile is not followed", async () => {
  const { home, mirror, path } = await makeWorktree();
  write(home, { "outside/noise.log": "kept\n" });
  write(path, { "new/noise.log": "noise\n" });
  const paths = await listIgnoredFiles(mirror, path);
  rmSync(join(path, "new"), { recursive: true });
  symlinkSync(join(home, "outside"), join(path, "new"));
  expect((await removeIgnoredFiles(path, paths)).files).toBe(0);
  expect(existsSync(join(home, "outside/noise.log"))).toBe(true);
});

test("a young file counts unless it is a cache by its name", async () => {
  const { mirror, path } = await makeWorktree();
  write(path, { "node_modules/pkg/index.js": "1\n", "packages/one/build/x.log": "1\n" });
  const caches = await listIgnoredFiles(mirror, path);
  expect(caches).toHaveLength(2);
  expect(await findRecent(path, caches, yesterday())).toBe(null);
  write(path, { "notes/today.log": "mine\n" });
  const paths = await listIgnoredFiles(mirror, path);
  expect(await findRecent(path, paths, yesterday())).toBe("notes/today.log");
  expect(await findRecent(path, paths, tomorrow())).toBe(null);
});

test("without the index of our checkout nothing counts as ignored", async () => {
  const { mirror, path } = await makeWorktree();
  write(path, { "node_modules/pkg/index.js": "1\n" });
  mkdirSync(join(path, "empty"));
  rmSync(placeOf(mirror, path).index);
  expect(await listIgnoredFiles(mirror, path)).toEqual([]);
});
