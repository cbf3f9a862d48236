import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { makeTempFolder } from "../../sandbox/files/temp.ts";
import { type Git, openGit } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { withRepositoryLock } from "../git/repository-lock.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { parseRepository, type Repository } from "../mirror/repository-url.ts";
import { findIn, inspectSource } from "../mirror/source-repository.ts";
import { explainTransport, openTransport } from "../mirror/transport.ts";
import { findFilters } from "./content-filters.ts";
import type { FetchContent } from "./fetch-content.ts";
import { findSubmodule, listSubmodules, type Submodule, submoduleRef } from "./submodules.ts";

/**
 * Fetches the content of a base commit's submodules into the mirror, before any worktree is made:
 * from the repositories that the user's checkout has of them (`.git/modules`) first, then from the
 * URLs in the base's `.gitmodules`, by the daemon. None of it is executed, and no file on this
 * machine is used but the checkout's own. An error for missing content names the submodule.
 */
const maxSubmodules = 200;
const maxDepth = 5;
const maxBytes = 4 * 1024 ** 3;
const timeoutMs = 15 * 60_000;

type Level = {
  commit: string;
  /** Path of the enclosing submodule, with a slash; empty for the repository itself. */
  within: string;
  depth: number;
  /** The base of relative URLs; null: there is none. */
  url: string | null;
  /** Folders in which a checkout keeps the repositories of its submodules, by name. */
  modules: readonly string[];
  /** The checkout itself: old ones keep such a repository in the submodule's folder. */
  checkout: string | null;
};

type Fetch = FetchContent & {
  mirror: Mirror;
  repository: Repository;
  count: number;
  bytes: number;
};

/** Returns sentences for a person. Throws a DeputyError for a submodule that cannot be fetched. */
export async function fetchSubmodules(
  mirror: Mirror,
  repository: Repository,
  commit: string,
  options: FetchContent,
): Promise<string[]> {
  const submodules = await listSubmodules(mirror, commit);
  if (submodules.length === 0) return [];
  const paths = submodules.map(({ path }) => path);
  if (!options.mayAsk) return [describeEmpty(paths, "a stranger's commit names them")];
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
  const fetch = { ...options, signal, mirror, repository, count: 0, bytes: 0 };
  const top = { commit, within: "", depth: 1 };
  if (repository.kind === "remote") {
    return fetchLevel(fetch, { ...top, url: repository.url, modules: [], checkout: null });
  }
  const source = await inspectSource(repository.url);
  const origin = await source.git.ask(["config", "--get", "remote.origin.url"]);
  return fetchLevel(fetch, {
    ...top,
    url: origin.exitCode === 0 ? origin.stdout.toString("utf8").trim() : source.topLevel,
    modules: [...new Set([source.gitDir, source.commonDir])].map((dir) => join(dir, "modules")),
    checkout: source.bare ? null : source.topLevel,
  });
}

async function fetchLevel(fetch: Fetch, level: Level): Promise<string[]> {
  const { mirror } = fetch;
  const told = await readGitmodules(mirror, level.commit);
  const notes: string[] = [];
  for (const submodule of await listSubmodules(mirror, level.commit)) {
    const path = level.within + submodule.path;
    const entry = told.get(submodule.path);
    if (!entry) {
      // Git leaves it empty, too: a repository was added without an entry in `.gitmodules`.
      notes.push(describeEmpty([path], "`.gitmodules` does not name it"));
      continue;
    }
    if (level.depth > maxDepth) throw refuse(path, `it lies more than ${maxDepth} levels deep`);
    if (++fetch.count > maxSubmodules) throw refuse(path, `there are more than ${maxSubmodules}`);
    const inner = await fetchOne(fetch, level, submodule, entry);
    const content = await findSubmodule(mirror, submodule);
    if (content === null) throw refuse(path, "it was fetched and is gone again");
    if ((await findFilters(mirror, content)).size > 0)
      notes.push(`Files of the submodule ${path} under a filter are in worktrees as committed.`);
    notes.push(...(await fetchLevel(fetch, { ...inner, commit: content })));
  }
  return notes;
}

async function fetchOne(
  fetch: Fetch,
  level: Level,
  submodule: Submodule,
  { name, url }: Entry,
): Promise<Level> {
  const path = level.within + submodule.path;
  const remote = url.startsWith("./") || url.startsWith("../") ? resolveUrl(level.url, url) : url;
  const folders = isPlainName(name) ? level.modules.map((folder) => join(folder, name)) : [];
  const own = level.checkout === null ? [] : [join(level.checkout, submodule.path, ".git")];
  const inner: Level = {
    commit: submodule.commit,
    within: `${path}/`,
    depth: level.depth + 1,
    url: remote,
    modules: folders.map((folder) => join(folder, "modules")),
    checkout: null,
  };
  if ((await findSubmodule(fetch.mirror, submodule)) !== null) return inner;
  for (const folder of [...folders, ...own]) {
    if (!(await holds(folder, submodule.commit))) continue;
    const transport = (gitDir: string) => openGit({ gitDir, mode: "transport", cwd: gitDir });
    await bring(fetch, path, submodule, { url: folder, transport, explain: (error) => error });
    return inner;
  }
  const repository = parseUrl(fetch, path, remote);
  const authHeader = (await fetch.authHeader(repository.url)) ?? undefined;
  await bring(fetch, path, submodule, {
    url: repository.url,
    transport: (gitDir) =>
      openTransport(repository, {
        gitDir,
        authHeader,
      }),
    explain: (error) => explainTransport(error, repository),
  });
  return inner;
}

type Origin = {
  url: string;
  transport: (gitDir: string) => Git;
  explain: (failure: GitFailure) => Error;
};

/**
 * Fetches the one commit into an empty repository of its own, checks its size, and takes its files,
 * without history, into the mirror.
 */
async function bring(
  fetch: Fetch,
  path: string,
  { commit }: Submodule,
  { url, transport, explain }: Origin,
): Promise<void> {
  const gitDir = await makeTempFolder("submodule");
  const { signal } = fetch;
  try {
    for (const folder of ["objects", "refs"]) await mkdir(join(gitDir, folder));
    await writeFile(join(gitDir, "HEAD"), "ref: refs/heads/none\n");
    const quiet = ["fetch", "--quiet", "--no-write-fetch-head", "--no-recurse-submodules"];
    const get = (args: string[]) => transport(gitDir).run([...quiet, ...args], { signal });
    try {
      const one = ["--depth=1", "--no-tags", "--end-of-options", url, `+${commit}:refs/heads/one`];
      await get(one);
    } catch (error) {
      // The server gives no commit by id: fetch all branches and tags, one of which should hold it.
      if (!(error instanceof GitFailure) || !/not our ref|unadvertised/.test(error.stderr))
        throw error;
      await get([
        "--end-of-options",
        url,
        "+refs/heads/*:refs/heads/*",
        "+refs/tags/*:refs/tags/*",
      ]);
    }
    const git = openGit({ gitDir, mode: "hermetic" });
    if ((await findIn(git, commit)) === null) throw refuse(path, `${url} does not have ${commit}`);
    const list = await git.run(["ls-tree", "-r", "-z", "--long", "--full-tree", commit]);
    for (const line of list.split("\0"))
      fetch.bytes += Number(/^\S+ blob \S+ +(\d+)/.exec(line)?.[1] ?? 0);
    if (fetch.bytes > maxBytes)
      throw refuse(path, `with it there are more than ${maxBytes} bytes in submodules`);
    const message = `What the submodule ${path} holds at ${commit}\n`;
    const content = await git.run(["commit-tree", "-F", "-", `${commit}^{tree}`], {
      input: message,
    });
    const { mirror } = fetch;
    const into = openGit({ gitDir: mirror.gitDir, mode: "transport", cwd: mirror.gitDir });
    const args = [
      "--no-tags",
      "--end-of-options",
      gitDir,
      `+${content.trim()}:${submoduleRef(commit)}`,
    ];
    await withRepositoryLock(mirror, mirror.gitDir, () => into.run([...quiet, ...args]), signal);
  } catch (error) {
    fetch.signal.throwIfAborted();
    if (!(error instanceof GitFailure)) throw error;
    const explained = explain(error);
    const code = explained instanceof DeputyError ? explained.code : "unavailable";
    throw refuse(path, explained.message.replace(/\.$/, ""), code);
  } finally {
    await rm(gitDir, { recursive: true, force: true });
  }
}

/** Accepts only what git also clones by default: no path on this machine, no program, no option. */
function parseUrl({ repository }: Fetch, path: string, url: string | null): Repository {
  if (url === null) throw refuse(path, "its URL is relative to nothing");
  let parsed: Repository;
  try {
    parsed = parseRepository(url);
  } catch (error) {
    if (error instanceof DeputyError)
      throw refuse(path, `its URL ${JSON.stringify(url)} is none that Deputy fetches from`);
    throw error;
  }
  if (parsed.kind === "local")
    throw refuse(
      path,
      `its URL ${url} is a folder of this machine; check it out there (git submodule update --init)`,
    );
  if (/^http:/i.test(url) && !/^http:/i.test(repository.url) && repository.kind === "remote")
    throw refuse(path, `its URL ${url} is unencrypted http`);
  return parsed;
}

/** Resolves `../other.git` like git: from the parent's URL, never above its host. Null: nowhere. */
export function resolveUrl(parent: string | null, relative: string): string | null {
  if (parent === null) return null;
  const [host = ""] =
    /^[a-z][a-z0-9+.-]*:\/\/[^/]*\//i.exec(parent) ??
    /^[^/:]+:(?!\/\/)/.exec(parent) ??
    /^\//.exec(parent) ??
    [];
  if (host === "") return null;
  const parts = parent.slice(host.length).split("/").filter(Boolean);
  for (const part of relative.split("/").filter(Boolean)) {
    if (part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.length === 0 ? null : host + parts.join("/");
}

type Entry = { name: string; url: string };

/** The entries of a commit's `.gitmodules` by path; empty when it is no such file. */
async function readGitmodules(mirror: Mirror, commit: string): Promise<Map<string, Entry>> {
  const pattern = "^submodule\\..*\\.(path|url)$";
  const blob = `--blob=${commit}:.gitmodules`;
  const answer = await openMirror(mirror).ask(["config", blob, "-z", "--get-regexp", pattern]);
  const fields = new Map<string, { path?: string; url?: string }>();
  if (answer.exitCode === 0) {
    for (const line of answer.stdout.toString("utf8").split("\0")) {
      const [, name, key, value] = /^submodule\.([\s\S]*)\.(path|url)\n([\s\S]*)$/.exec(line) ?? [];
      if (name && key && value) fields.set(name, { ...fields.get(name), [key]: value });
    }
  }
  const entries = new Map<string, Entry>();
  for (const [name, { path, url }] of fields)
    if (path !== undefined && url !== undefined)
      entries.set(path.replace(/\/+$/, ""), { name, url });
  return entries;
}

/** Whether a name can only be a folder below `.git/modules`. */
function isPlainName(name: string): boolean {
  if (isAbsolute(name) || name.startsWith("-")) return false;
  return name.split(/[/\\]/).every((part) => part !== "" && part !== "." && part !== "..");
}

async function holds(gitDir: string, commit: string): Promise<boolean> {
  const isFolder = await stat(gitDir).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isFolder) return false;
  const git = openGit({ gitDir, mode: "transport", cwd: dirname(gitDir) });
  return (await findIn(git, commit)) !== null;
}

function describeEmpty(paths: readonly string[], why: string): string {
  const what = paths.length === 1 ? "submodule" : "submodules";
  const stays = paths.length === 1 ? "stays an empty folder" : "stay empty folders";
  return `The ${what} ${paths.slice(0, 5).join(", ")} ${stays} in worktrees: ${why}.`;
}

function refuse(
  path: string,
  why: string,
  code: DeputyError["code"] = "unprocessable",
): DeputyError {
  return new DeputyError(code, `The submodule ${path} cannot be filled: ${why}.`, {
    field: "repository",
  });
}
