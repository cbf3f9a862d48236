import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LRUCache } from "lru-cache";
import { makeBackgroundRemoval } from "../../sandbox/files/remove-tree.ts";
import type { KnownTrees } from "../commits/edit-tree.ts";
import { type Git, type GitHost, localGit, openGit } from "../git/git.ts";
import type { LockQueues } from "../git/repository-lock.ts";
import { healStaleLocks } from "../git/stale-locks.ts";
import { healMissing, isPartial, promisorConfig } from "./partial-mirror.ts";
import { makeReadCache, type ReadCache } from "./read-cache.ts";
import { removeMany } from "./remove-many.ts";
import type { AuthHeader } from "./transport.ts";

/**
 * A bare repository of the daemon's own per user's repository. All worktrees belong to it; the
 * user's repository is only ever fetched from and pushed to. Its refs:
 *
 *   refs/remotes/origin/*   the source's branches     refs/tags/*   its tags
 *   refs/source/HEAD        its checked-out commit    refs/source/commits/*   commits fetched by id
 *   refs/deputy/*           ours: snapshots, task branches; no fetch ever touches them
 *
 * It is never a `--mirror` clone: a pruning fetch into one deletes our own branches. Git never
 * collects garbage on its own (collect-garbage.ts). Uncommitted changes of the user are in it only as
 * commits that a task or a watch asked for. Its configuration is a constant, restored before every
 * use: an agent that could write it would otherwise make the daemon run its filters.
 */
export type Mirror = { gitDir: string } & Shared;

/** State shared by all mirrors of a process; it belongs to the `Mirrors` that opened them. */
type Shared = {
  host: GitHost;
} & SourceAccess & {
    reads: ReadCache;
    /** Cached trees, by git directory; see edit-tree.ts. */
    trees: LRUCache<string, KnownTrees>;
    locks: LockQueues;
    /** Deletes folders in the background, one after the other. */
    deleteLater: (path: string) => void;
    whenDeleted: () => Promise<void>;
  };

/** How the sources of mirrors are reached; see partial-mirror.ts. */
export type SourceAccess = {
  /** The header of requests to a URL, `Authorization: …`, or null. */
  authHeader: AuthHeader;
  /** Whether a new mirror of this URL fetches contents only when they are needed. */
  wantsPartial: (url: string) => boolean;
};

const plainAccess: SourceAccess = { authHeader: async () => null, wantsPartial: () => false };

/** The mirrors below a folder. */
export type Mirrors = {
  root: string;
  /** The mirror in this git directory, whether it exists or not. */
  at(gitDir: string): Mirror;
};

/** The mirrors that exist. A name with a dot in front is one that is being made or removed. */
export async function listMirrors(mirrors: Mirrors): Promise<Mirror[]> {
  const names = await readdir(mirrors.root);
  return names
    .filter((name) => name.endsWith(".git") && !name.startsWith("."))
    .map((name) => mirrors.at(join(mirrors.root, name)));
}

/** `root` is the folder of the mirrors; `host` runs git on them, which are whole without `access`. */
export function openMirrors(
  root: string,
  host: GitHost = localGit,
  access: SourceAccess = plainAccess,
): Mirrors {
  const shared: Shared = {
    host,
    ...access,
    reads: makeReadCache(),
    trees: new LRUCache({ max: maxTreeCaches }),
    locks: new Map(),
    ...makeBackgroundRemoval((path) => removeMany(host.limitView, path)),
  };
  return { root, at: (gitDir) => ({ gitDir, ...shared }) };
}

const maxTreeCaches = 20;

const config = `[core]
\trepositoryformatversion = 0
\tbare = true
\tfilemode = true
\tsymlinks = true
\tignorecase = false
\tlogallrefupdates = false
[gc]
\tauto = 0
\tpruneExpire = never
\tworktreePruneExpire = never
[maintenance]
\tauto = false
[user]
\tname = Deputy
\temail = deputy@localhost
`;
/**
 * These take precedence: a false encoding in a tree's attributes must not make adding its files
 * fail. A filter that a tree asks for runs only if it is configured, and only we configure one:
 * that of Git LFS, once the repository uses it.
 */
const attributes = "* -working-tree-encoding\n";

function constantsOf(mirror: Pick<Mirror, "gitDir">): readonly [string, string][] {
  return [
    ["config", isPartial(mirror) ? config + promisorConfig : config],
    [join("info", "attributes"), attributes],
    [join("info", "exclude"), ""],
  ];
}

/**
 * Hermetic git in a mirror, with a worktree or an index of ours when given. `writes`: the command
 * changes files of the worktree, and not the mirror's.
 */
export function openMirror(
  mirror: Mirror,
  {
    writes = false,
    ...place
  }: {
    workTree?: string;
    root?: string;
    writes?: boolean;
    index?: string;
    literalPathspecs?: boolean;
  } = {},
): Git {
  for (const [name, text] of constantsOf(mirror)) restoreFile(join(mirror.gitDir, name), text);
  const { root, workTree } = place;
  const lfs = workTree !== undefined && usesLfs(mirror);
  const isSubmodule = root !== undefined && root !== workTree;
  const sparse = workTree === undefined || isSubmodule ? null : sparseFolder(mirror, workTree);
  const git = healStaleLocks(
    openGit(
      {
        ...{ gitDir: mirror.gitDir, mode: "hermetic", lfs, ...place },
        ...(sparse !== null && { sparse }),
        ...(workTree !== undefined && { agentFiles: writes ? "writes" : "reads" }),
      },
      mirror.host,
    ),
    mirror.gitDir,
  );
  return isPartial(mirror) ? healMissing(git, mirror) : git;
}

/** Our folder with the patterns of a sparse worktree (checkout/sparse.ts); null: it is whole. */
export function sparseFolder({ gitDir }: Mirror, workTree: string): string | null {
  const folder = join(gitDir, "deputy", basename(workTree));
  return existsSync(join(folder, "info", "sparse-checkout")) ? folder : null;
}

/**
 * The store for a mirror's Git LFS objects. It exists once a base commit was seen that uses Git LFS
 * on a machine that has it; from then on the filter runs in every worktree of the mirror.
 */
export function lfsStore(mirror: Mirror): string {
  return join(mirror.gitDir, "lfs");
}

export function usesLfs(mirror: Mirror): boolean {
  return existsSync(lfsStore(mirror));
}

/**
 * Restores a file that we wrote. An agent without a sandbox changes it by as little as `git config
 * user.name`; anything in it that runs a program is removed before git reads it.
 */
function restoreFile(path: string, text: string): void {
  try {
    if (readFileSync(path, "utf8") === text) return;
  } catch {
    // missing or unreadable: rewritten
  }
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, text);
  renameSync(draft, path);
}

/** An empty mirror next to the place that it will move to. */
export async function draftMirror(mirror: Mirror): Promise<Mirror> {
  const gitDir = join(dirname(mirror.gitDir), `${draftPrefix}${randomUUID()}`);
  for (const folder of ["objects", "refs", "info", "deputy"]) {
    await mkdir(join(gitDir, folder), { recursive: true, mode: 0o700 });
  }
  await writeFile(join(gitDir, "HEAD"), "ref: refs/heads/none\n");
  for (const [name, text] of constantsOf({ gitDir })) await writeFile(join(gitDir, name), text);
  return { ...mirror, gitDir };
}

export const draftPrefix = ".new-";

/** Tells a mirror from the one that replaced it, which another task may do at any time. */
export function identifyMirror({ gitDir }: Mirror): string {
  const stats = lstatSync(gitDir, { throwIfNoEntry: false });
  return `${stats?.ino} ${stats?.birthtimeMs}`;
}

/** Whether git would take it for a repository. Missing parts inside show when they are read. */
export function isWhole({ gitDir }: Pick<Mirror, "gitDir">): boolean {
  return ["HEAD", "objects", "refs"].every((name) => existsSync(join(gitDir, name)));
}
