import { DeputyError } from "../../core/base/error.ts";
import { GitFailure } from "../git/git-failure.ts";
import { fetchFileAt } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { isFullId } from "../mirror/read-cache.ts";

/** Reads commits in the mirror. What decides anything is read here, never from an agent's tree. */

/** No configuration file is larger. */
const maxFileBytes = 10 * 1024 * 1024;

const sizeOfText = (text: string | null) => text?.length ?? 0;
const sizeOfPaths = (paths: readonly string[]) =>
  paths.reduce((sum, path) => sum + path.length + 16, 0);

/**
 * The text of a regular file at a commit; null when there is none (a link or a folder is none).
 * Throws a DeputyError for one that is too large.
 */
export function readFileAt(mirror: Mirror, commit: string, path: string): Promise<string | null> {
  const read = () => readFile(mirror, commit, path);
  if (!isFullId(commit)) return read();
  return mirror.reads.read("file", `${mirror.gitDir}\n${commit}\n${path}`, sizeOfText, read);
}

/**
 * For `readFileAt(…).catch`, where a file that is too large counts as none. Anything else is thrown: of a
 * partial mirror whose source is away it is not known whether there is a file.
 */
export function noneIfTooLarge(error: unknown): null {
  if (error instanceof DeputyError && error.code === "unprocessable") return null;
  throw error;
}

async function readFile(mirror: Mirror, commit: string, path: string): Promise<string | null> {
  const git = openMirror(mirror);
  await fetchFileAt(mirror, commit, path);
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

/** The paths of all files at a commit, or below a folder. Includes links, but no submodules. */
export function listFilesAt(
  mirror: Mirror,
  commit: string,
  folder?: string,
): Promise<readonly string[]> {
  const list = () => listFiles(mirror, commit, folder);
  if (!isFullId(commit)) return list();
  const key = `${mirror.gitDir}\n${commit}\n${folder ?? ""}`;
  return mirror.reads.read("files", key, sizeOfPaths, list);
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

/** The tree of a commit: equal trees hold the same files. */
export function treeOf(mirror: Mirror, commit: string): Promise<string> {
  const read = async () => {
    const args = ["rev-parse", "--verify", "--end-of-options", `${commit}^{tree}`];
    return (await openMirror(mirror).run(args)).trim();
  };
  if (!isFullId(commit)) return read();
  return mirror.reads.read("tree", `${mirror.gitDir}\n${commit}`, sizeOfText, read);
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
 * The source branch that work from this commit belongs to: the one with this name, else the one
 * with this tip, else the only one that contains it. Null when none is certain; ours never count.
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

/** Whether a branch of the source contains this commit; ours do not count. */
export async function isInSource(mirror: Mirror, commit: string): Promise<boolean> {
  const args = ["for-each-ref", "--format=%(refname)", `--contains=${commit}`];
  const holders = await openMirror(mirror).run([...args, "refs/remotes/origin"]);
  return holders
    .split("\n")
    .some((ref) => ref !== "" && !ref.startsWith("refs/remotes/origin/deputy/"));
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

/** The commits of a branch after `from`, oldest first, each with what it merged as one step. */
export async function listSteps(mirror: Mirror, from: string, to: string): Promise<string[]> {
  const args = ["rev-list", "--first-parent", "--reverse", `${from}..${to}`];
  return (await openMirror(mirror).run(args)).split("\n").filter(Boolean);
}
