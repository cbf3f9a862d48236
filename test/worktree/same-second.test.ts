import { lstatSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { addWorktree, renewWorktree } from "../../src/worktree/checkout/worktree.ts";
import { placeOf } from "../../src/worktree/checkout/worktree-place.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { type GitHost, localGit } from "../../src/worktree/git/git.ts";
import { listRewritten } from "../../src/worktree/read/find-difference.ts";
import { makeRepository, mirrorOf, someFiles } from "./repositories.ts";

/**
 * Git compares the times of files by whole seconds. What a process writes within the second of a
 * checkout, with the size and times that were there, looks like what was checked out.
 */
const file = "src/a.txt";
const forged = "ONE\ntwo\nthree\n";

/** Writes other content of the same size, and sets the times back, as far as a process can. */
function forge(worktree: string): { isSameSecond: boolean } {
  const path = join(worktree, file);
  const before = lstatSync(path);
  writeFileSync(path, forged);
  utimesSync(path, before.atime, before.mtime);
  const second = ({ ctimeMs }: { ctimeMs: number }) => Math.floor(ctimeMs / 1000);
  return { isSameSecond: second(lstatSync(path)) === second(before) };
}

test("what is written within the second of a checkout is seen, whatever its size and times", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository());
  for (let round = 0; ; round++) {
    const path = join(home, "trees", `sub_${round}`);
    await addWorktree(mirror, path, base);
    const { isSameSecond } = forge(path);
    const names = Object.keys(someFiles);
    expect(await listRewritten(mirror, placeOf(mirror, path), names)).toEqual([file]);
    expect(await listRewritten(mirror, placeOf(mirror, path), ["README.md"])).toEqual([]);
    const { changed } = await snapshotWorktree(mirror, path, { parent: base, message: "x" });
    expect(changed).toBe(true);
    if (isSameSecond) return;
  }
});

test("who still writes in a place that was made again is found out", async () => {
  let writes = 0;
  const path = { of: "" };
  const host: GitHost = {
    ...localGit,
    run: async (request, signal) => {
      const answer = await localGit.run(request, signal);
      if (path.of !== "" && request.args[0] === "read-tree" && writes > 0) {
        writes--;
        forge(path.of);
      }
      return answer;
    },
  };
  const { mirror, base, home } = await mirrorOf(makeRepository(), host);
  const at = join(home, "trees", "sub_one");
  await addWorktree(mirror, at, base);
  path.of = at;
  writes = 1;
  await renewWorktree(mirror, at, base);
  expect([writes, readFileSync(join(at, file), "utf8")]).toEqual([0, someFiles[file]]);
  writes = 2;
  await expect(renewWorktree(mirror, at, base)).rejects.toThrow(/differs from .* in src\/a\.txt/);
});
