import { GitFailure } from "./git-failure.ts";
import { type Mirror, openMirror } from "./open-mirror.ts";

/** Reading a commit in the mirror. What decides anything is read here, never from an agent's tree. */

/** Larger files are no configuration that anybody reads. */
const maxFileBytes = 10 * 1024 * 1024;

/** The text of a regular file at a commit; null when there is none (a link or a folder is none). */
export async function readFileAt(
  mirror: Mirror,
  commit: string,
  path: string,
): Promise<string | null> {
  const git = openMirror(mirror);
  const args = ["ls-tree", "-z", "--long", "--full-tree", commit, "--", path];
  const line = (await git.run(args)).split("\0")[0] ?? "";
  const [, id, size] = /^100\d{3} blob ([0-9a-f]+) +(\d+)\t/.exec(line) ?? [];
  if (id === undefined || line.slice(line.indexOf("\t") + 1) !== path) return null;
  if (Number(size) > maxFileBytes)
    throw new Error(`${path} at ${commit} is too large: ${size} bytes`);
  return git.run(["cat-file", "blob", id]);
}

/** The paths of all files at a commit, or of those below a folder. Links are among them, submodules are not. */
export async function listFilesAt(
  mirror: Mirror,
  commit: string,
  folder?: string,
): Promise<string[]> {
  const below = folder === undefined ? [] : ["--", `${folder.replace(/\/+$/, "")}/`];
  const lines = await openMirror(mirror).run([
    "ls-tree",
    "-r",
    "-z",
    "--full-tree",
    commit,
    ...below,
  ]);
  return lines
    .split("\0")
    .filter((line) => line !== "" && !line.startsWith("160000 "))
    .map((line) => line.slice(line.indexOf("\t") + 1));
}

/** The tree of a commit: equal trees hold the same files. */
export async function treeOf(mirror: Mirror, commit: string): Promise<string> {
  const args = ["rev-parse", "--verify", "--end-of-options", `${commit}^{tree}`];
  return (await openMirror(mirror).run(args)).trim();
}

/** Whether every change of `ancestor` is in `commit` already. */
export async function isAncestor(
  mirror: Mirror,
  ancestor: string,
  commit: string,
): Promise<boolean> {
  const args = ["merge-base", "--is-ancestor", ancestor, commit];
  const { exitCode, stderr } = await openMirror(mirror).ask(args);
  if (exitCode > 1) throw new GitFailure(args, exitCode, stderr);
  return exitCode === 0;
}
