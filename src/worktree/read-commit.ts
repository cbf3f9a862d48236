import { DeputyError } from "../core/error.ts";
import { GitFailure } from "./git-failure.ts";
import { isFullId, keepReads } from "./kept-reads.ts";
import { type Mirror, openMirror } from "./open-mirror.ts";

/** Reading a commit in the mirror. What decides anything is read here, never from an agent's tree. */

/** Larger files are no configuration that anybody reads. */
const maxFileBytes = 10 * 1024 * 1024;

const keptFiles = keepReads<string | null>((text) => text?.length ?? 0);
const keptLists = keepReads<readonly string[]>((paths) =>
  paths.reduce((sum, path) => sum + path.length + 16, 0),
);

/**
 * The text of a regular file at a commit; null when there is none (a link or a folder is none). One that
 * is too large is refused with a DeputyError.
 */
export function readFileAt(mirror: Mirror, commit: string, path: string): Promise<string | null> {
  const read = () => readFile(mirror, commit, path);
  return isFullId(commit) ? keptFiles(`${mirror.gitDir}\n${commit}\n${path}`, read) : read();
}

async function readFile(mirror: Mirror, commit: string, path: string): Promise<string | null> {
  const git = openMirror(mirror);
  const args = ["ls-tree", "-z", "--long", "--full-tree", commit, "--", path];
  const line = (await git.run(args)).split("\0")[0] ?? "";
  const [, id, size] = /^100\d{3} blob ([0-9a-f]+) +(\d+)\t/.exec(line) ?? [];
  if (id === undefined || line.slice(line.indexOf("\t") + 1) !== path) return null;
  if (Number(size) > maxFileBytes)
    throw new DeputyError(
      "unprocessable",
      `${path} at ${commit.slice(0, 10)} is too large to be read: it has ${size} bytes, and at most ${maxFileBytes} are read.`,
    );
  return git.run(["cat-file", "blob", id]);
}

/** The paths of all files at a commit, or of those below a folder. Links are among them, submodules are not. */
export function listFilesAt(
  mirror: Mirror,
  commit: string,
  folder?: string,
): Promise<readonly string[]> {
  const list = () => listFiles(mirror, commit, folder);
  return isFullId(commit)
    ? keptLists(`${mirror.gitDir}\n${commit}\n${folder ?? ""}`, list)
    : list();
}

async function listFiles(
  mirror: Mirror,
  commit: string,
  folder?: string,
): Promise<readonly string[]> {
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

const keptTrees = keepReads<string>((tree) => tree.length);

/** The tree of a commit: equal trees hold the same files. */
export function treeOf(mirror: Mirror, commit: string): Promise<string> {
  const read = async () => {
    const args = ["rev-parse", "--verify", "--end-of-options", `${commit}^{tree}`];
    return (await openMirror(mirror).run(args)).trim();
  };
  return isFullId(commit) ? keptTrees(`${mirror.gitDir}\n${commit}`, read) : read();
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

/**
 * The branch of the source that work from this commit belongs to: the one that is named so, else the
 * one whose tip it is, else the only one that holds it. Null when that tells of none; ours never count.
 */
export async function findBranchOf(
  mirror: Mirror,
  name: string,
  commit: string,
): Promise<string | null> {
  const git = openMirror(mirror);
  const named = await git.ask(["show-ref", "--verify", "--quiet", `refs/remotes/origin/${name}`]);
  if (named.exitCode === 0) return name;
  const format = "--format=%(objectname) %(refname:lstrip=3)";
  const args = ["for-each-ref", format, `--contains=${commit}`, "refs/remotes/origin"];
  const holders = (await git.run(args))
    .split("\n")
    .map((line) => ({ tip: line.slice(0, 40), branch: line.slice(41) }))
    .filter(({ branch }) => branch !== "" && !branch.startsWith("deputy/"));
  const tips = holders.filter(({ tip }) => tip === commit);
  const [found, ...others] = tips.length > 0 ? tips : holders;
  return found && others.length === 0 ? found.branch : null;
}

/** The last commit that both have in common; null when they share no history. */
export async function findMergeBase(
  mirror: Mirror,
  left: string,
  right: string,
): Promise<string | null> {
  const args = ["merge-base", left, right];
  const { exitCode, stdout, stderr } = await openMirror(mirror).ask(args);
  if (exitCode > 1) throw new GitFailure(args, exitCode, stderr);
  return stdout.toString("utf8").trim() || null;
}
