import { delimiter } from "node:path";
import { transportEnvironment } from "../../core/base/child-environment.ts";

/**
 * The environment of our git commands, with our configuration inside it: everything that decides
 * how they behave, in one place and out of argv, which every user of the machine can read.
 *
 * - `hermetic` is for our mirrors and worktrees. No user or system configuration is read,
 *   nothing of the network is reachable, hooks, fsmonitor, replace refs, prompts and optional locks
 *   are off, pathspecs are literal, and every commit is Deputy's.
 * - `transport` acts on the user's behalf in the user's repository or over the network: their HOME,
 *   configuration, credential helpers and ssh, with the tokens of the host that it goes to and no
 *   other secret; still without hooks, prompts and exotic protocols.
 */
export type GitMode = "hermetic" | "transport";

export const deputyIdentity = { name: "Deputy", email: "deputy@localhost" };

export type GitPlace = {
  /** Explicit, so that nothing in a worktree can point git elsewhere. Null: found from `cwd`. */
  gitDir: string | null;
  /** Our folder with the patterns of a sparse worktree, as its git directory; left out: it is whole. */
  sparse?: string;
  workTree?: string;
  /** The worktree that contains `workTree`, for a submodule; default: none. */
  root?: string;
  /** How the command uses the files of a worktree that an agent has or had. */
  agentFiles?: "reads" | "writes";
  index?: string;
  /** New objects are written there, and those of the other folders are read, too. */
  objects?: { writeTo: string; readFrom: readonly string[] };
  mode: GitMode;
  /** False for a command that cannot use literal pathspecs. */
  literalPathspecs?: boolean;
  /** `Authorization: …`, sent to this origin only. */
  auth?: { origin: string; header: string };
  /** The host of a transport, whose tokens it gets. Default: no tokens. */
  host?: string | null;
  /** Allows unencrypted http, for a server on this very machine. */
  allowHttp?: boolean;
  /** Runs the filter of Git LFS, the only filter that ever runs. It never fetches anything. */
  lfs?: boolean;
  /** Additional configuration of a transport. */
  config?: Readonly<Record<string, string>>;
  /** Whose commits a transport makes. Dates as git's objects have them: `seconds zone`. */
  identity?: Record<"author" | "committer", { name: string; email: string; date: string }>;
};

const hardening: Record<string, string> = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.untrackedCache": "false",
  "gc.auto": "0",
  "maintenance.auto": "false",
  "submodule.recurse": "false",
  "fetch.recurseSubmodules": "false",
  "push.recurseSubmodules": "no",
  "push.gpgSign": "false",
};

const hermeticOnly: Record<string, string> = {
  "core.attributesFile": "/dev/null",
  "core.excludesFile": "/dev/null",
  "core.quotePath": "false",
  "core.symlinks": "true",
  "core.fileMode": "true",
  "core.ignoreCase": "false",
  "core.logAllRefUpdates": "false",
  "core.sparseCheckout": "false",
  "commit.gpgSign": "false",
  "diff.ignoreSubmodules": "all",
  "checkout.workers": "4",
  "checkout.thresholdForParallelism": "100",
};

/**
 * The filter's commands are ours, whatever a repository configures. A missing object stays a
 * pointer: only the daemon fetches objects (fetch-lfs.ts), so the filter gets a URL that never
 * answers, which overrides any `.lfsconfig` that an agent wrote.
 */
const lfsFilter: Record<string, string> = {
  "filter.lfs.process": "git-lfs filter-process",
  "filter.lfs.required": "true",
  "lfs.url": "file:///dev/null/none",
  "lfs.skipDownloadErrors": "true",
  "lfs.fetchInclude": "",
  "lfs.fetchExclude": "",
};

/** A file outside of the patterns that is there counts as one of the worktree. */
const sparseCheckout: Record<string, string> = {
  "core.sparseCheckout": "true",
  "core.sparseCheckoutCone": "true",
  "sparse.expectFilesOutsideOfPatterns": "false",
};

const transportOnly: Record<string, string> = {
  "fetch.fsckObjects": "true",
  // Old but harmless defects that real repositories carry in their history.
  "fetch.fsck.zeroPaddedFilemode": "ignore",
  "fetch.fsck.badTimezone": "ignore",
  "fetch.fsck.missingSpaceBeforeDate": "ignore",
  "http.lowSpeedLimit": "1000",
  "http.lowSpeedTime": "60",
};

/** Builds the whole environment of one git command. Nothing else of the daemon's reaches it. */
export function buildGitEnvironment(
  place: GitPlace,
  from: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const hermetic = place.mode === "hermetic";
  const env: Record<string, string> = hermetic
    ? hermeticBase(from, place)
    : transportBase(from, place);
  const config: Record<string, string> = {
    ...hardening,
    ...(hermetic ? hermeticOnly : transportOnly),
    ...(place.lfs ? lfsFilter : {}),
    ...(place.sparse !== undefined && sparseCheckout),
    ...place.config,
  };
  if (place.auth) config[`http.${place.auth.origin}/.extraHeader`] = place.auth.header;
  const entries = Object.entries(config);
  env.GIT_CONFIG_COUNT = String(entries.length);
  for (const [index, [key, value]] of entries.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  if (place.gitDir !== null) {
    env.GIT_DIR = place.sparse ?? place.gitDir;
    // What a partial mirror lacks is fetched by the daemon alone (partial-mirror.ts).
    env.GIT_NO_LAZY_FETCH = "1";
  }
  if (place.workTree !== undefined) env.GIT_WORK_TREE = place.workTree;
  if (place.index !== undefined) env.GIT_INDEX_FILE = place.index;
  if (place.objects !== undefined) {
    env.GIT_OBJECT_DIRECTORY = place.objects.writeTo;
    env.GIT_ALTERNATE_OBJECT_DIRECTORIES = place.objects.readFrom.join(delimiter);
  }
  for (const [who, { date, email, name }] of Object.entries(place.identity ?? {})) {
    env[`GIT_${who.toUpperCase()}_NAME`] = name;
    env[`GIT_${who.toUpperCase()}_EMAIL`] = email;
    env[`GIT_${who.toUpperCase()}_DATE`] = `@${date}`;
  }
  return {
    ...env,
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_EDITOR: "false",
    GIT_PAGER: "cat",
    GIT_LFS_SKIP_SMUDGE: hermetic ? (place.lfs ? "0" : "1") : (from.GIT_LFS_SKIP_SMUDGE ?? "0"),
  };
}

function hermeticBase(from: NodeJS.ProcessEnv, place: GitPlace): Record<string, string> {
  return {
    PATH: from.PATH ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: "/nonexistent",
    ...(from.TMPDIR ? { TMPDIR: from.TMPDIR } : {}),
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LITERAL_PATHSPECS: place.literalPathspecs === false ? "0" : "1",
    GIT_ALLOW_PROTOCOL: "none",
    GIT_AUTHOR_NAME: deputyIdentity.name,
    GIT_AUTHOR_EMAIL: deputyIdentity.email,
    GIT_COMMITTER_NAME: deputyIdentity.name,
    GIT_COMMITTER_EMAIL: deputyIdentity.email,
  };
}

function transportBase(from: NodeJS.ProcessEnv, place: GitPlace): Record<string, string> {
  const env = transportEnvironment(place.host ?? null, from);
  env.GIT_ALLOW_PROTOCOL = place.allowHttp ? "file:https:ssh:http" : "file:https:ssh";
  // ssh would ask on the terminal of a foreground daemon; this makes its questions fail at once.
  env.SSH_ASKPASS = "false";
  env.SSH_ASKPASS_REQUIRE = "force";
  return env;
}
