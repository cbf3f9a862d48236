import type { Person } from "../../core/settings/commit-settings.ts";
import { openGit } from "../git/git.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { refuseUnsigned, type Signing } from "./signing.ts";
import { writeObject } from "./write-object.ts";

/**
 * Makes the commits of a task branch again with another author, committer or message, or signed:
 * the same trees and dates in the same order. Where nothing differs a commit stays what it is.
 */
export type BranchCommit = {
  id: string;
  tree: string;
  parents: readonly string[];
  /** As the object has them: `Name <mail> seconds zone`. */
  author: string;
  committer: string;
  isSigned: boolean;
  message: string;
};

/** How a commit is to look. */
export type CommitDress = { author: Person; committer: Person; message: string };

/** The commits from `base` to `head`, each after its parents. */
export async function readCommits(
  mirror: Mirror,
  base: string,
  head: string,
): Promise<BranchCommit[]> {
  const git = openMirror(mirror);
  const ids = await git.run(["rev-list", "--topo-order", "--reverse", `${base}..${head}`]);
  if (ids === "") return [];
  const { stdout } = await git.ask(["cat-file", "--batch"], { input: ids });
  const commits: BranchCommit[] = [];
  for (let at = 0; at < stdout.length; ) {
    const end = stdout.indexOf("\n", at);
    const [id = "", , size = ""] = stdout.subarray(at, end).toString("latin1").split(" ");
    const start = end + 1;
    at = start + Number(size) + 1;
    commits.push(parseCommit(id, stdout.subarray(start, at - 1).toString("utf8")));
  }
  return commits;
}

/** What a receipt says of these commits: their ids, newest first, and whether all are signed. */
export async function describeCommits(
  mirror: Mirror,
  base: string,
  head: string,
): Promise<{ commits: string[]; signed: boolean }> {
  const commits = await readCommits(mirror, base, head);
  return {
    commits: commits.map(({ id }) => id).reverse(),
    signed: commits.length > 0 && commits.every(({ isSigned }) => isSigned),
  };
}

function parseCommit(id: string, text: string): BranchCommit {
  const end = text.indexOf("\n\n");
  const lines = text.slice(0, end).split("\n");
  const all = (name: string) =>
    lines.flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []));
  return {
    id,
    tree: all("tree")[0] ?? "",
    parents: all("parent"),
    author: all("author")[0] ?? "",
    committer: all("committer")[0] ?? "",
    isSigned: all("gpgsig").length > 0,
    message: text.slice(end + 2),
  };
}

/**
 * Returns the head of the rewritten commits, which no ref holds yet. `delivered` are the commits of
 * an earlier delivery, which stay; `made` those of one that may have been cut short, which are used
 * again where they would come out the same (a signature never does).
 */
export async function rewriteCommits(
  mirror: Mirror,
  commits: readonly BranchCommit[],
  known: { delivered: readonly BranchCommit[]; made: readonly BranchCommit[] },
  dress: (commit: BranchCommit) => Promise<CommitDress>,
  signing: Signing | null,
): Promise<string> {
  const stays = new Set(known.delivered.map(({ id }) => id));
  const became = new Map<string, string>();
  for (const commit of commits) {
    const parents = commit.parents.map((id) => became.get(id) ?? id);
    const isSame = ({ tree, parents: others }: BranchCommit) =>
      tree === commit.tree && others.join() === parents.join();
    const before = stays.has(commit.id) ? commit : known.delivered.find(isSame);
    if (before) {
      became.set(commit.id, before.id);
      continue;
    }
    const { author, committer, message } = await dress(commit);
    const next: BranchCommit = {
      ...{ id: "", tree: commit.tree, parents, isSigned: signing !== null, message },
      author: `${author.name} <${author.email}> ${timeOf(commit.author)}`,
      committer: `${committer.name} <${committer.email}> ${timeOf(commit.committer)}`,
    };
    const made = known.made.find((one) => isSame(one) && isAlike(one, next));
    became.set(commit.id, made?.id ?? (await make(mirror, next, { author, committer }, signing)));
  }
  const last = commits.at(-1)?.id ?? "";
  return became.get(last) ?? last;
}

function isAlike(one: BranchCommit, other: BranchCommit): boolean {
  return (["author", "committer", "isSigned", "message"] as const).every(
    (key) => one[key] === other[key],
  );
}

function timeOf(line: string): string {
  return /\d+ [+-]\d{4}$/.exec(line)?.[0] ?? "0 +0000";
}

async function make(
  mirror: Mirror,
  { author, committer, message, parents, tree }: BranchCommit,
  people: { author: Person; committer: Person },
  signing: Signing | null,
): Promise<string> {
  if (signing === null) {
    const lines = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`)];
    const whole = [...lines, `author ${author}`, `committer ${committer}`, "", message].join("\n");
    return writeObject(mirror, "commit", Buffer.from(whole));
  }
  const git = openGit({
    ...{ gitDir: mirror.gitDir, mode: "transport", config: signing.config },
    identity: {
      author: { ...people.author, date: timeOf(author) },
      committer: { ...people.committer, date: timeOf(committer) },
    },
  });
  const from = parents.flatMap((parent) => ["-p", parent]);
  const args = ["commit-tree", "-S", ...from, "-F", "-", tree];
  const { signal } = signing;
  const answer = await git.ask(args, { input: message, signal }).catch((error) => {
    throw signal.aborted ? refuseUnsigned("nobody unlocked the key within a minute") : error;
  });
  if (answer.exitCode === 0) return answer.stdout.toString("utf8").trim();
  throw refuseUnsigned(answer.stderr);
}
