import { constants } from "node:fs";
import { access, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { findSpaceProblem, SpaceError } from "../../core/base/space.ts";
import { cutText } from "../../core/text/clean-text.ts";
import { makeTempFolder } from "../../sandbox/files/temp.ts";
import { GitFailure } from "../git/git-failure.ts";
import { fetchBeyond } from "../mirror/fetch-missing.ts";
import { moveRef } from "../mirror/mirror.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { isPartial, isRefused, promisorOf } from "../mirror/partial-mirror.ts";
import type { Repository } from "../mirror/repository-url.ts";
import { findIn, findInSource, inspectSource, isPlainName } from "../mirror/source-repository.ts";
import { explainTransport, openTransport } from "../mirror/transport.ts";
import { isAncestor } from "../read/read-commit.ts";

/**
 * Deputy writes one thing into a user's repository: a branch below `deputy/`. It is pushed, never
 * forced, and never the checked-out branch. On this machine the receiving side runs without hooks,
 * reflog and maintenance, so that nothing else of the repository changes.
 */
export type PublishOptions = { authHeader?: string; signal?: AbortSignal };

const receivePack = [
  "git",
  "-c core.hooksPath=/dev/null",
  "-c core.logAllRefUpdates=false",
  "-c receive.autogc=false",
  "-c gc.auto=0",
  "-c maintenance.auto=false",
  "-c receive.denyCurrentBranch=refuse",
  "-c receive.denyNonFastForwards=true",
  "receive-pack",
].join(" ");

/**
 * Points `branch` to `commit` in the user's repository; returns "existed" when it did already. A
 * branch with other work is a conflict, and left alone. `tip` is the branch's commit if the caller
 * just read it: when the branch was made or moved since, the other side refuses the push.
 */
export async function publishBranch(
  mirror: Mirror,
  repository: Repository,
  what: { commit: string; branch: string; tip?: string | null } & PublishOptions,
): Promise<"pushed" | "existed"> {
  const { commit, branch, signal } = what;
  const ref = branchRef(branch);
  const tip = what.tip === undefined ? await branchTip(repository, branch, what) : what.tip;
  if (tip === commit) return "existed";
  if (tip !== null && !(await isOlder(mirror, tip, commit))) {
    throw new DeputyError(
      "conflict",
      `The branch ${branch} exists in ${repository.url} with other commits (${tip.slice(0, 10)}): rename or delete it, then deliver again.`,
    );
  }
  const git = openTransport(repository, {
    ...{ gitDir: mirror.gitDir, authHeader: what.authHeader },
    // Without deltas, which git would make to files that the other side has and this mirror may lack.
    ...(isPartial(mirror) && { config: { "pack.window": "0" } }),
  });
  const args = ["push", "--quiet", "--no-verify", "--no-follow-tags", "--no-signed"];
  if (repository.kind === "local") args.push(`--receive-pack=${receivePack}`);
  const url =
    repository.kind === "local" ? (await inspectSource(repository.url)).topLevel : repository.url;
  // The lease only adds a condition: the push is known to move the branch forward.
  args.push(`--force-with-lease=${ref}:${tip ?? ""}`, "--end-of-options", url, `${commit}:${ref}`);
  const push = () => git.ask(args, signal ? { signal } : {});
  let answer = await push();
  if (isLacking(answer.stderr) && promisorOf(mirror)?.url === repository.url) {
    // History that the source left behind (a forced push) must be sent, also files that nobody read.
    const lines = await listRefLines(repository, [], what);
    const tips = lines.flatMap((line) => line.split("\t")[0] || []);
    try {
      await fetchBeyond(mirror, [commit], tips, signal);
      answer = await push();
    } catch (error) {
      if (!isRefused(error)) throw error; // gone there as well: the push has said what is wrong
    }
  }
  const { exitCode, stderr } = answer;
  if (exitCode !== 0)
    throw explainPush(new GitFailure(args, exitCode, stderr), repository, branch, what);
  // Records what a fetch would find, so the next task need not fetch. Where that fails (an old
  // `deputy` that a fetch has still to prune is in the way), the next task fetches.
  await moveRef(mirror, `refs/remotes/origin/${branch}`, commit).catch(() => {});
  return "pushed";
}

/**
 * Throws a DeputyError when a branch of ours could not be pushed there, as far as that is known
 * beforehand. A remote gets a dry-run push; its hooks and rules may still refuse a real one.
 * `commit`: any that is in the mirror.
 */
export async function requirePushable(
  mirror: Mirror,
  repository: Repository,
  { commit, authHeader }: { commit: string; authHeader?: string },
): Promise<void> {
  if ((await findIn(openMirror(mirror), "refs/remotes/origin/deputy")) !== null)
    throw new DeputyError(
      "unprocessable",
      `${repository.url} has a branch called "deputy", beside which git can hold no branch deputy/…: rename it there.`,
      { field: "repository" },
    );
  if (repository.kind === "local") return requireWritable(repository);
  const git = openTransport(repository, { gitDir: mirror.gitDir, authHeader });
  const branch = "deputy/probe";
  const args = [
    ...["push", "--dry-run", "--quiet", "--no-verify", "--no-follow-tags", "--no-signed"],
    ...["--end-of-options", repository.url, `${commit}:${branchRef(branch)}`],
  ];
  const { exitCode, stderr } = await git.ask(args);
  const isOurs = /\[rejected\]/.test(stderr); // a branch of that name exists: pushing works
  if (exitCode !== 0 && !isOurs)
    throw explainPush(new GitFailure(args, exitCode, stderr), repository, branch, { authHeader });
}

async function requireWritable({ url }: Repository): Promise<void> {
  const { commonDir, git } = await inspectSource(url);
  const refuse = (why: string) =>
    new DeputyError("unprocessable", `Nothing could be delivered to ${url}: ${why}.`, {
      field: "repository",
    });
  for (const folder of ["objects", "refs"]) {
    await access(join(commonDir, folder), constants.W_OK).catch((error) => {
      throw refuse(
        `${join(commonDir, folder)} cannot be written (${error.code}), so give the daemon's user the right to`,
      );
    });
  }
  const { stdout } = await git.ask(["config", "--get-regexp", "^(transfer|receive)\\.hiderefs$"]);
  const rules = stdout
    .toString("utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[1] ?? []);
  // The last rule that fits decides; each covers everything below it.
  const rule = rules.findLast((text) => isBelow("refs/heads/deputy/x", text.replace(/^[!^]+/, "")));
  if (rule !== undefined && !rule.startsWith("!"))
    throw refuse(
      `its configuration hides ${rule} from pushes, so take that out of transfer.hideRefs or receive.hideRefs`,
    );
}

function isBelow(ref: string, rule: string): boolean {
  return ref.startsWith(`${rule.replace(/\/+$/, "")}/`);
}

/** The commit of a branch in the user's repository, or null when there is no such branch. */
export async function branchTip(
  repository: Repository,
  branch: string,
  options: PublishOptions = {},
): Promise<string | null> {
  const ref = branchRef(branch);
  if (repository.kind === "local") return findInSource(repository.url, ref);
  const lines = await listRefLines(repository, [ref], options);
  return lines.find((line) => line.endsWith(`\t${ref}`))?.split("\t")[0] ?? null;
}

/**
 * The branches of the user's repository with this name, alone or with a number behind it
 * (`name-2`), and their commits.
 */
export async function listNumbered(
  repository: Repository,
  name: string,
  options: PublishOptions = {},
): Promise<Map<string, string>> {
  const ref = branchRef(name);
  const patterns = [ref, `${ref}-*`];
  const lines = await listRefLines(repository, patterns, options);
  const found = lines.flatMap((line): [string, string][] => {
    const [commit = "", found = ""] = line.split("\t");
    const end = found.startsWith(ref) ? found.slice(ref.length) : null;
    return end !== null && /^(?:-[1-9]\d*)?$/.test(end) ? [[`${name}${end}`, commit]] : [];
  });
  return new Map(found);
}

/** A commit, a tab and a ref in each line. */
async function listRefLines(
  repository: Repository,
  patterns: readonly string[],
  { authHeader, signal }: PublishOptions,
): Promise<string[]> {
  if (repository.kind === "local") {
    const { git } = await inspectSource(repository.url);
    const format = "--format=%(objectname)%09%(refname)";
    return (await git.run(["for-each-ref", format, ...patterns])).split("\n");
  }
  const git = openTransport(repository, { gitDir: null, authHeader });
  const args = ["ls-remote", "--heads", "--end-of-options", repository.url, ...patterns];
  const { exitCode, stdout, stderr } = await git.ask(args, signal ? { signal } : {});
  if (exitCode !== 0) throw explainTransport(new GitFailure(args, exitCode, stderr), repository);
  return stdout.toString("utf8").split("\n");
}

/**
 * Deletes a branch that Deputy delivered, as long as it still is what was delivered. False when it
 * was gone already. Leaves no reflog and no empty folder.
 */
export async function deleteBranch(
  repository: Repository,
  branch: string,
  expectedCommit: string,
  options: PublishOptions = {},
): Promise<boolean> {
  const tip = await branchTip(repository, branch, options);
  if (tip === null) return false;
  if (tip !== expectedCommit) throw movedBranch(branch, tip);
  if (repository.kind === "local") await deleteLocal(repository, branch, expectedCommit);
  else await deleteRemote(repository, branch, expectedCommit, options);
  return true;
}

/** Pushes with a lease: the server refuses when the branch moved meanwhile. */
async function deleteRemote(
  repository: Repository,
  branch: string,
  commit: string,
  { authHeader, signal }: PublishOptions,
): Promise<void> {
  const ref = branchRef(branch);
  // A push needs a repository, even one that only deletes: an empty one suffices.
  const gitDir = await makeTempFolder("empty");
  try {
    for (const folder of ["objects", "refs"]) await mkdir(join(gitDir, folder));
    await writeFile(join(gitDir, "HEAD"), "ref: refs/heads/none\n");
    const git = openTransport(repository, { gitDir, authHeader });
    const lease = `--force-with-lease=${ref}:${commit}`;
    const args = ["push", "--quiet", lease, "--end-of-options", repository.url, `:${ref}`];
    const { exitCode, stderr } = await git.ask(args, signal ? { signal } : {});
    if (exitCode !== 0)
      throw explainPush(new GitFailure(args, exitCode, stderr), repository, branch, { authHeader });
  } finally {
    await rm(gitDir, { recursive: true, force: true });
  }
}

async function deleteLocal(repository: Repository, branch: string, commit: string): Promise<void> {
  const { git } = await inspectSource(repository.url);
  const ref = branchRef(branch);
  const worktrees = (await git.run(["worktree", "list", "--porcelain"])).split("\n");
  if (worktrees.includes(`branch ${ref}`)) {
    throw new DeputyError(
      "conflict",
      `The branch ${branch} is checked out in ${repository.url}: switch to another branch first.`,
    );
  }
  const args = ["update-ref", "--no-deref", "-d", ref, commit];
  const { exitCode, stderr } = await git.ask(args);
  if (exitCode === 0) return;
  const tip = await findIn(git, ref);
  if (tip !== null && tip !== commit) throw movedBranch(branch, tip);
  if (tip !== null) throw new GitFailure(args, exitCode, stderr);
}

/** The full ref of a branch of ours. Throws for a name that is not below deputy/. */
function branchRef(branch: string): string {
  if (!branch.startsWith("deputy/") || !isPlainName(branch)) {
    throw new DeputyError(
      "invalid_input",
      `${JSON.stringify(branch)} is no branch that Deputy may write: it must be a branch name that begins with deputy/.`,
      { field: "branch" },
    );
  }
  return `refs/heads/${branch}`;
}

/** Whether `tip` is known here and part of `commit`, so that a push moves the branch forward. */
async function isOlder(mirror: Mirror, tip: string, commit: string): Promise<boolean> {
  const known = await findIn(openMirror(mirror), tip);
  return known !== null && isAncestor(mirror, tip, commit);
}

function movedBranch(branch: string, tip: string): DeputyError {
  return new DeputyError(
    "conflict",
    `The branch ${branch} has moved to ${tip.slice(0, 10)} since it was delivered: delete it by hand if nobody needs it.`,
  );
}

function explainPush(
  failure: GitFailure,
  repository: Repository,
  branch: string,
  { authHeader }: { authHeader?: string | undefined },
): Error {
  const { stderr } = failure;
  const space = findSpaceProblem(failure);
  if (space) {
    const path = repository.kind === "local" ? repository.url : null;
    return new SpaceError(space.code, path, `${repository.url} cannot be written: ${stderr}`);
  }
  if (isLacking(stderr))
    return new DeputyError(
      "unprocessable",
      `${repository.url} lacks files of its own history, which the partial mirror of it left there: push that history to it again, then deliver again.`,
      { field: "repository" },
    );
  // What came did not hold its objects: nobody there refuses it, our mirror may be damaged.
  if (/unpack(er)? (error|failed)/i.test(stderr)) return failure;
  const said = quoteRemote(stderr);
  const where = { field: "repository" };
  if (authHeader && /without `workflows?` (scope|permission)/i.test(stderr))
    return new DeputyError(
      "unprocessable",
      `${repository.url} does not take the branch ${branch} with the token of the GitHub App or in GITHUB_TOKEN${said}: give it the right to change workflows ("workflow", or "Workflows: read and write").`,
      where,
    );
  if (
    /rejected|directory file conflict|cannot lock ref|refusing to update|protected branch|stale info/i.test(
      stderr,
    )
  ) {
    const lines = stderr.split("\n").map((line) => line.trim());
    const reason =
      lines.find((line) => line.startsWith("!")) ?? lines.find(Boolean) ?? "no reason given";
    return new DeputyError(
      "conflict",
      `${repository.url} does not take the branch ${branch} (${reason})${said}: mend what stands in its way there.`,
    );
  }
  if (authHeader && /HTTP 40[13]|error: 40[13]|Authentication failed/i.test(stderr))
    return new DeputyError(
      "unprocessable",
      `${repository.url} does not take a push with the token of the GitHub App or in GITHUB_TOKEN${said}: give that the right to write contents there, or set another one (deputy doctor tries it).`,
      where,
    );
  return explainTransport(failure, repository);
}

/** Whether a partial mirror lacks what git had to send. */
function isLacking(stderr: string): boolean {
  return /from promisor remote/.test(stderr);
}

/** What the other side said, on one line; empty: nothing. It is somebody else's text. */
function quoteRemote(stderr: string): string {
  const lines = stderr.split("\n").flatMap((line) => /^remote: *(.*\S)/.exec(line)?.[1] ?? []);
  const text = cutText(lines.join(" ").replace(/[\p{Cc}\p{Cf}]/gu, " "), maxQuoted);
  return text === "" ? "" : `; remote: ${text}`;
}

const maxQuoted = 600;
