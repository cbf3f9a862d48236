import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CliError, exitCodes } from "./io.ts";

/**
 * The top level of the checkout that contains `cwd`: the nearest folder upwards with a `.git`. An
 * empty `.git` folder does not count, as for git itself: codex creates one to guard against a real
 * one.
 */
export function findCheckout(cwd: string): string | null {
  let folder: string;
  try {
    folder = realpathSync(cwd);
  } catch {
    return null; // the current folder was removed
  }
  for (;;) {
    const git = join(folder, ".git");
    if (existsSync(join(git, "HEAD")) || statSync(git, { throwIfNoEntry: false })?.isFile()) {
      return folder;
    }
    const parent = dirname(folder);
    if (parent === folder) return null;
    folder = parent;
  }
}

/**
 * The repository of --repo, by default the current checkout. URLs are passed on unchanged; a path
 * is made absolute, and a path inside a checkout means the checkout.
 */
export function chooseRepository(given: string | undefined, cwd: string): string {
  if (given === undefined) {
    const checkout = findCheckout(cwd);
    if (checkout) return checkout;
    throw new CliError(
      exitCodes.usage,
      `${cwd} is not in a git checkout; change into one, or name a repository with --repo.`,
    );
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(given)) return given;
  // git's scp-like syntax for ssh: user@host:path, with no slash before the colon.
  const scp = /^([\w.-]+@[\w.-]+):(?!\/\/)(.+)$/.exec(given);
  if (scp) return `ssh://${scp[1]}/${scp[2]?.replace(/^\//, "")}`;
  const path = resolve(cwd, given);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CliError(exitCodes.usage, `--repo: ${path} is not a folder.`);
  }
  // A bare repository has no .git of its own and is used directly.
  const isBare = existsSync(join(path, "HEAD")) && existsSync(join(path, "objects"));
  return isBare ? path : (findCheckout(path) ?? path);
}
