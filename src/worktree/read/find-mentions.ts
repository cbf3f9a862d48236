import { rm } from "node:fs/promises";
import { nameTempFile } from "../../sandbox/files/temp.ts";
import { join0 } from "../commits/worktree-changes.ts";
import type { GitAnswer } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { listMissingAt } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/** Finds the text files of a commit that mention a word, without checking anything out. */

const maxWords = 200;
const maxOutput = 8 * 1024 * 1024;

/** For each word the paths of the files that contain it, whole words only. */
export async function findMentions(
  mirror: Mirror,
  commit: string,
  words: readonly string[],
): Promise<Map<string, string[]>> {
  const asked = [...new Set(words)].filter((word) => word !== "" && !/[\0\n\r]/.test(word));
  const found = new Map<string, Set<string>>();
  if (asked.length === 0) return new Map();
  const patterns = asked.slice(0, maxWords).flatMap((word) => ["-e", word]);
  const args = ["grep", "-I", "-F", "-w", "-o", "-z", "--full-name", "--no-color", ...patterns];
  const { exitCode, stdout, stderr } = await searchPresent(mirror, commit, args);
  if (exitCode > 1) throw new GitFailure(args, exitCode, stderr);
  for (const line of stdout.toString("utf8", 0, maxOutput).split("\n")) {
    const [place = "", word = ""] = line.split("\0");
    const path = place.startsWith(`${commit}:`) ? place.slice(commit.length + 1) : place;
    if (word === "") continue;
    const paths = found.get(word) ?? new Set<string>();
    found.set(word, paths.add(path));
  }
  return new Map([...found].map(([word, paths]) => [word, [...paths]]));
}

/** Of a partial mirror the files that it holds are searched: a search would fetch all others. */
async function searchPresent(
  mirror: Mirror,
  commit: string,
  args: readonly string[],
): Promise<GitAnswer> {
  const missing = await listMissingAt(mirror, commit);
  if (missing.length === 0) return openMirror(mirror).ask([...args, commit, "--"]);
  const index = nameTempFile("search");
  try {
    const git = openMirror(mirror, { index });
    await git.run(["read-tree", "--end-of-options", commit]);
    const gone = missing.map((path) => `0 ${"0".repeat(40)}\t${path}`);
    await git.run(["update-index", "-z", "--index-info"], { input: join0(gone) });
    return await git.ask([...args, "--cached", "--"]);
  } finally {
    await rm(index, { force: true });
  }
}
