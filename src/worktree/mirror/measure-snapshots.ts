import { type Mirror, openMirror } from "./open-mirror.ts";
import { isPartial } from "./partial-mirror.ts";

/** The folders of refs that hold snapshots and nothing that is delivered. */
const folders =
  /^refs\/deputy\/(?:attempts|before|checkpoints|worktrees|setups|without|submodules|submodules-before|submodules-worktrees|submodule-setups)\//;

/**
 * The bytes on the disk of all objects that only snapshots reach. They are as git stores them now: an
 * object that is not packed yet counts whole, a packed one as its difference to another. Unreferenced
 * objects, which are collected later, do not count.
 */
export async function measureSnapshots(mirror: Mirror, signal: AbortSignal): Promise<number> {
  const git = openMirror(mirror);
  const refs = (await git.run(["for-each-ref", "--format=%(objectname) %(refname)"])).split("\n");
  const isSnapshot = (line: string) => folders.test(line.slice(line.indexOf(" ") + 1));
  const input = refs
    .filter((line) => line !== "")
    .map((line) => `${isSnapshot(line) ? "" : "^"}${line.slice(0, line.indexOf(" "))}\n`);
  if (!input.some((line) => !line.startsWith("^"))) return 0;
  const promised = isPartial(mirror) ? ["--exclude-promisor-objects"] : [];
  const args = ["rev-list", "--stdin", "--objects", "--disk-usage", ...promised];
  return Number(await git.run(args, { input: input.join(""), signal }));
}
