import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { type GitHost, localGit } from "../../src/worktree/git/git.ts";
import { ensureMirror, type FetchedMirror, openMirrors } from "../../src/worktree/mirror/mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";

/** Real repositories for tests, made with the installed git and nobody's configuration. */

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) {
    execFileSync("chmod", ["-R", "u+rwx", folder]);
    rmSync(folder, { recursive: true, force: true });
  }
});

export function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "deputy-worktree-")));
  folders.push(folder);
  return folder;
}

/** Git as a user would run it in `cwd`; returns what it printed. */
export function git(cwd: string, ...args: string[]): string {
  return execFileSync("git", args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH ?? "",
      HOME: "/nonexistent",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Una User",
      GIT_AUTHOR_EMAIL: "una@example.com",
      GIT_COMMITTER_NAME: "Una User",
      GIT_COMMITTER_EMAIL: "una@example.com",
    },
  }).trimEnd();
}

export function write(root: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

export const someFiles = {
  "README.md": "# Example\n",
  "src/a.txt": "one\ntwo\nthree\n",
  "src/deep/b.txt": "b\n",
  ".gitignore": "ignored/\n*.log\n.env\n",
};

/** A checkout on branch main with one commit, whose user has a name. */
export function makeRepository(files: Record<string, string> = someFiles): string {
  const path = join(makeFolder(), "project");
  mkdirSync(path);
  git(path, "init", "--quiet", "--initial-branch=main");
  git(path, "config", "user.name", "Una User");
  git(path, "config", "user.email", "una@example.com");
  commit(path, files, "First");
  return path;
}

export function commit(path: string, files: Record<string, string>, message: string): string {
  write(path, files);
  git(path, "add", "-A");
  git(path, "commit", "--quiet", "--allow-empty", "-m", message);
  return git(path, "rev-parse", "HEAD");
}

/** The repository's mirror in a folder of its own, and where worktrees may go. */
export async function mirrorOf(
  path: string,
  host: GitHost = localGit,
): Promise<{ mirror: FetchedMirror; base: string; home: string }> {
  const home = makeFolder();
  const mirror = await ensureMirror(
    openMirrors(join(home, "mirrors"), host),
    parseRepository(path),
  );
  return { mirror, base: mirror.head?.commit ?? "", home };
}

export function makeFifo(path: string): void {
  execFileSync("sh", ["-c", 'exec mkfifo "$0"', path]);
}
