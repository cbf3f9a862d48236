import { GitFailure } from "../git/git-failure.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/**
 * Those of these paths of a worktree that its .gitignore files ignore, tracked or not. Paths are
 * bytes in latin1 strings, as in worktree-changes.ts.
 */
export async function findIgnored(
  mirror: Mirror,
  workTree: string,
  paths: readonly string[],
): Promise<Set<string>> {
  if (paths.length === 0) return new Set();
  // check-ignore knows no literal pathspecs; after "./" a path contains no magic.
  const git = openMirror(mirror, { workTree, literalPathspecs: false });
  const args = ["check-ignore", "--no-index", "-z", "--stdin"];
  const input = Buffer.from(paths.map((path) => `./${path}\0`).join(""), "latin1");
  const { exitCode, stdout, stderr } = await git.ask(args, { input });
  if (exitCode > 1) throw new GitFailure(args, exitCode, stderr); // 1: none is ignored
  return new Set(
    stdout
      .toString("latin1")
      .split("\0")
      .map((path) => path.slice(2)),
  );
}
