import { execFileSync } from "node:child_process";
import { mkdir, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addWorktree } from "../dist/worktree/checkout/worktree.js";
import { ensureMirror, openMirrors } from "../dist/worktree/mirror/mirror.js";
import { parseRepository } from "../dist/worktree/mirror/repository-url.js";
import { openPreparedTrees } from "../dist/worktree/prepared/prepared-trees.js";
import { findInputs } from "../dist/worktree/prepared/setup-inputs.js";
import { makeFolder, makeProjectOf } from "./support.mjs";

/**
 * What ten worktrees of a node_modules of 300 MB take on their volume, their prepared tree included, beside
 * one such folder. Null where files are copied: then it is eleven times that by nature.
 */
const files = 10_000;
const bytes = 30_000;
const worktrees = 10;

export async function benchSetupDisk() {
  const home = await makeFolder("disk");
  if (!(await hasReflinks(home))) return null;
  const repository = await makeProjectOf({ ".gitignore": "node_modules/\n", "a.js": "a\n" });
  const mirror = await ensureMirror(openMirrors(join(home, "repos")), parseRepository(repository));
  const commit = mirror.head.commit;
  const trees = openPreparedTrees({
    ...{ root: join(home, "prepared"), maxBytes: 1e12, limitView: async (argv) => argv },
    onProblem: (words, error) => {
      throw new Error(words, { cause: error });
    },
  });
  const place = (name) => ({ worktree: join(home, name), home: join(home, `${name}-home`) });
  const add = async (name) => {
    await addWorktree(mirror, place(name).worktree, commit);
    await mkdir(place(name).home);
    return place(name);
  };
  const before = await usedBytes(home);
  const first = await add("first");
  await fill(join(first.worktree, "node_modules"));
  const one = (await usedBytes(home)) - before;
  const about = { mirror, commit, condition: "bench" };
  const inputs = findInputs(new Map(), { files: [], folders: [] });
  await trees.keep({ ...about, ...first, inputs, setupMs: 0, refused: [], apart: [] });
  for (let at = 0; at < worktrees; at++) {
    const given = await trees.give({ ...about, ...(await add(`tree-${at}`)), baseCommit: commit });
    if (!given) throw new Error("the prepared tree was not given");
  }
  return { one, all: (await usedBytes(home)) - before, worktrees };
}

async function fill(folder) {
  for (let at = 0; at < files; at++) {
    const inside = join(folder, `package-${Math.floor(at / 25)}`);
    if (at % 25 === 0) await mkdir(inside, { recursive: true });
    await writeFile(join(inside, `file-${at}.js`), `${at} `.repeat(bytes).slice(0, bytes));
  }
}

/** Once all that was written is on the disk: before, space is reserved. */
async function usedBytes(folder) {
  execFileSync("sync", ["-f", folder]);
  const { bsize, blocks, bfree } = await statfs(folder);
  return (blocks - bfree) * bsize;
}

async function hasReflinks(folder) {
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  await writeFile(from, "x".repeat(10_000));
  try {
    execFileSync("cp", ["--reflink=always", from, to], { stdio: "ignore" });
    return true;
  } catch {
    return false; // so says cp
  }
}
