import { readFile, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { type Git, type GitAnswer, openGit } from "../git/git.ts";
import type { Repository } from "./repository-url.ts";

/**
 * A user's own repository on this machine, as found: a checkout, a folder inside one, a linked
 * worktree or a bare repository. It is only read here. Its own configuration counts (ownership by
 * `safe.directory`), so git runs in transport mode, with discovery from the path that was given.
 */
export type SourceRepository = {
  /** The root of the checkout, or the folder of a bare repository. */
  topLevel: string;
  bare: boolean;
  /** Of this checkout; for a linked worktree not the common one. */
  gitDir: string;
  commonDir: string;
  headRef: string | null;
  headCommit: string | null;
  /** Runs git there. */
  git: Git;
};

const aboutRepository = [
  "rev-parse",
  "--path-format=absolute",
  "--is-bare-repository",
  "--is-inside-work-tree",
  "--show-object-format",
  "--git-dir",
  "--git-common-dir",
];

/** Whether a folder that held a repository is not there now: moved, or on a disk that is not mounted. */
export async function isSourceAway(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === "ENOENT",
  );
}

/** Find the repository that `path` is in, or throw a DeputyError that says why there is none. */
export async function inspectSource(path: string): Promise<SourceRepository> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw refuse(
      error.code === "ENOENT"
        ? `The path ${path} does not exist: check its spelling.`
        : `The path ${path} cannot be read (${error.code}): check its permissions.`,
    );
  });
  if (!stats.isDirectory()) throw refuse(`${path} is a file: name the repository's folder.`);
  const git = openGit({ gitDir: null, mode: "transport", cwd: path });
  // One command answers everything for a checkout with a commit, the usual case.
  const whole = await git.ask([...aboutRepository, "--show-toplevel", "HEAD^{commit}"]);
  const answer = whole.exitCode === 0 ? whole : await git.ask(aboutRepository);
  if (answer.exitCode !== 0) throw explain(path, answer.stderr);
  const lines = answer.stdout.toString("utf8").split("\n");
  const [bareText, insideText, format, gitDir = "", commonDir = "", knownTop, knownHead] = lines;
  if (format !== "sha1") {
    throw refuse(`${path} uses the object format ${format}, which Deputy cannot mirror yet.`);
  }
  const bare = bareText === "true";
  if (!bare && insideText !== "true") {
    const tree = basename(gitDir) === ".git" ? dirname(gitDir) : "its checkout";
    throw refuse(`${path} is inside a git directory: name ${tree} instead.`);
  }
  const [topLevel, head, headCommit] = await Promise.all([
    bare ? gitDir : knownTop || git.run(["rev-parse", "--show-toplevel"]).then(trimLine),
    readFile(`${gitDir}/HEAD`, "utf8").catch(() => ""), // unreadable: no branch to name
    knownHead || findIn(git, "HEAD"),
  ]);
  const headRef = /^ref: refs\/heads\/(.+)$/.exec(head.trim())?.[1] ?? null;
  return {
    topLevel,
    bare,
    gitDir,
    commonDir,
    headRef,
    headCommit,
    git: openGit({ gitDir: null, mode: "transport", cwd: topLevel }),
  };
}

/** The commit that a branch, a tag or a full or abbreviated id names there, or null. */
export async function findCommit(source: SourceRepository, base: string): Promise<string | null> {
  if (base === "HEAD") return source.headCommit;
  for (const name of baseCandidates(base, "refs/heads/")) {
    const commit = await findIn(source.git, name);
    if (commit !== null) return commit;
  }
  return null;
}

/** The names a base may stand for, in the order in which they are tried. */
export function baseCandidates(base: string, branches: string): string[] {
  if (!isPlainName(base)) return [];
  const short = base.replace(/^refs\/heads\//, "");
  const names = base.startsWith("refs/tags/")
    ? [base]
    : [`${branches}${short}`, `refs/tags/${base}`];
  return /^[0-9a-f]{4,40}$/i.test(base) ? [...names, base.toLowerCase()] : names;
}

/**
 * Where the checkout says that its hooks are (`core.hooksPath`), from its root; null where it does not
 * say, or they lie outside of it.
 */
export async function findHooksPath({ kind, url }: Repository): Promise<string | null> {
  if (kind === "remote") return null;
  const { git, topLevel } = await inspectSource(url);
  const { stdout } = await git.ask(["config", "--local", "--get", "core.hooksPath"]);
  const path = stdout.toString("utf8").trim();
  if (path === "" || path.startsWith("~")) return null;
  const inside = relative(topLevel, resolve(topLevel, path));
  return inside === "" || inside.startsWith("..") || isAbsolute(inside) ? null : inside;
}

/** Whether a text can be a branch or tag name: no option, no revision operators, no path tricks. */
export function isPlainName(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (text === "" || text.length > 255 || /[\u0000-\u0020\u007f~^:?*[\\]/.test(text)) return false;
  if (/^[-/.]|[/.]$|\.\.|\/\/|\/\.|@\{|\.lock(\/|$)/.test(text)) return false;
  return text !== "@";
}

/** The full commit that a revision peels to, or null. */
export async function findIn(git: Git, revision: string): Promise<string | null> {
  return readCommit(await git.ask(whichCommit(revision)));
}

function whichCommit(revision: string): string[] {
  return ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`];
}

function readCommit(answer: GitAnswer): string | null {
  const commit = answer.stdout.toString("utf8").trim();
  return answer.exitCode === 0 && /^[0-9a-f]{40}$/.test(commit) ? commit : null;
}

/** Finds a commit in the repository that `path` is in. Throws a DeputyError when there is none. */
export async function findInSource(path: string, revision: string): Promise<string | null> {
  const git = openGit({ gitDir: null, mode: "transport", cwd: path });
  const answer = await git.ask(whichCommit(revision)).catch(() => null); // no folder to run it in
  // Exit code 1 is "no such commit". Anything else is no repository, and inspecting it says why.
  if (answer && answer.exitCode <= 1) return readCommit(answer);
  return findIn((await inspectSource(path)).git, revision);
}

function explain(path: string, stderr: string): DeputyError {
  if (/dubious ownership/.test(stderr)) {
    return refuse(
      `git refuses ${path} because it belongs to another user: run "git config --global --add safe.directory ${path}" as the user of the daemon.`,
    );
  }
  if (/not a git repository/i.test(stderr)) {
    return refuse(
      `${path} is not a git repository: run "git init" there and commit, or name another.`,
    );
  }
  return refuse(`git cannot read ${path}: ${stderr.trim().split("\n")[0] ?? "no reason given"}`);
}

function refuse(message: string): DeputyError {
  return new DeputyError("unprocessable", message, { field: "repository" });
}

function trimLine(text: string): string {
  return text.replace(/\n$/, "");
}
