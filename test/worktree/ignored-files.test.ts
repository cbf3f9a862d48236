import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  listIgnoredFiles,
  listRecent,
  removeIgnoredFiles,
} from "../../src/worktree/checkout/ignored-files.ts";
import { listAside, setAsideRecent } from "../../src/worktree/checkout/set-aside.ts";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { placeOf } from "../../src/worktree/checkout/worktree-place.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { listLeftOut } from "../../src/worktree/commits/worktree-changes.ts";
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
  expect(await listRecent(path, caches, yesterday())).toEqual([]);
  write(path, { "notes/today.log": "mine\n" });
  const paths = await listIgnoredFiles(mirror, path);
  expect(await listRecent(path, paths, yesterday())).toEqual(["notes/today.log"]);
  expect(await listRecent(path, paths, tomorrow())).toEqual([]);
});

test("what may be an only copy is set aside with all else that no snapshot holds, and nothing more", async () => {
  const { base, home, mirror, path } = await makeWorktree();
  write(home, { "outside/noise.log": "not mine\n" });
  write(path, {
    "node_modules/pkg/index.js": "1\n",
    "notes/today.log": "mine\n",
    "new/mine.txt": "mine\n",
    "new/hidden.txt": "hidden\n",
    "clone/deep/file.txt": "cloned\n",
    "shut/inside.log": "shut in\n",
  });
  git(join(path, "clone"), "init", "--quiet");
  symlinkSync(join(home, "outside"), join(path, "link"));
  chmodSync(join(path, "new/hidden.txt"), 0o000);
  chmodSync(join(path, "shut"), 0o500);
  const { skipped } = await snapshotWorktree(mirror, path, { parent: base, message: "Snapshot" });
  const aside = (await setAsideRecent(mirror, path, listLeftOut(skipped))) ?? "";
  expect(aside).toMatch(/\/trees\/set-aside\/sub_one-\d+$/);
  expect(readdirSync(aside).sort()).toEqual(["clone", "link", "new", "notes", "shut"]);
  expect(readFileSync(join(aside, "notes/today.log"), "utf8")).toBe("mine\n");
  expect(readFileSync(join(aside, "clone/deep/file.txt"), "utf8")).toBe("cloned\n");
  expect(readFileSync(join(aside, "shut/inside.log"), "utf8")).toBe("shut in\n");
  expect(readdirSync(join(aside, "new"))).toEqual(["hidden.txt"]);
  expect(readlinkSync(join(aside, "link"))).toBe(join(home, "outside"));
  expect(existsSync(join(home, "outside/noise.log"))).toBe(true);
  expect(existsSync(join(path, "node_modules/pkg/index.js"))).toBe(true);
  expect(readdirSync(join(path, "new"))).toEqual(["mine.txt"]);
  expect(await listAside(join(home, "trees"), "sub_one")).toEqual([aside]);
  expect(await listAside(join(home, "trees"), "sub_two")).toEqual([]);
  expect(await setAsideRecent(mirror, path, [])).toBe(null);
});

test("without the index of our checkout nothing counts as ignored", async () => {
  const { mirror, path } = await makeWorktree();
  write(path, { "node_modules/pkg/index.js": "1\n" });
  mkdirSync(join(path, "empty"));
  rmSync(placeOf(mirror, path).index);
  expect(await listIgnoredFiles(mirror, path)).toEqual([]);
});
