import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addWorktree } from "../dist/worktree/checkout/worktree.js";
import { openWorktreeKeeper } from "../dist/worktree/commits/keep-worktree.js";
import { ensureMirror, openMirrors } from "../dist/worktree/mirror/mirror.js";
import { parseRepository } from "../dist/worktree/mirror/repository-url.js";
import { git, makeFolder, makeRepository, median } from "./support.mjs";

/**
 * What a snapshot takes while an agent runs, in a worktree of 10,000 files: where nothing changed
 * since the last one, and where ten files did. Beside it, what bare git takes for the same.
 */
const rounds = 15;

export async function benchSnapshots() {
  const repository = await makeRepository(10_000);
  const home = await makeFolder("snapshots");
  const mirror = await ensureMirror(openMirrors(join(home, "repos")), parseRepository(repository));
  const path = join(home, "sub_one");
  const base = mirror.head.commit;
  await addWorktree(mirror, path, base);
  const keeper = openWorktreeKeeper(mirror, { path, base, last: base, message: "Snapshot" });
  await keeper.keep(null);
  const files = git(repository, "ls-files", "-z").split("\0").filter(Boolean);
  const change = async (root, round) => {
    for (let i = 0; i < 10; i++)
      await writeFile(join(root, files[(i * 997) % files.length]), `${round} ${i}\n`.repeat(20));
  };
  const time = async (work) => {
    const startedAt = performance.now();
    await work();
    return performance.now() - startedAt;
  };
  const times = { unchanged: [], changed: [], status: [], add: [] };
  for (let round = 0; round < rounds; round++) {
    times.unchanged.push(await time(() => keeper.keep(null)));
    times.status.push(await time(() => git(repository, "status", "--porcelain")));
    await change(path, round);
    times.changed.push(await time(() => keeper.keep(null)));
    await change(repository, round);
    times.add.push(
      await time(() => {
        git(repository, "add", "--all");
        git(repository, "commit", "--quiet", "--message", "Snapshot");
      }),
    );
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}
