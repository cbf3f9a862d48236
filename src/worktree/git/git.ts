import { buildGitEnvironment, type GitPlace } from "./git-environment.ts";
import { GitFailure } from "./git-failure.ts";
import { type LimitView, viewOf } from "./git-view.ts";
import { type GitAnswer, type GitRunner, runGit } from "./run-git.ts";

/**
 * Every git command goes through here. It runs from a given folder with an environment that is
 * wholly ours (git-environment.ts). `run` returns its output or throws a GitFailure; `ask` returns
 * the exit code too, for commands whose exit code is the answer. Outside text goes behind
 * `--end-of-options`, into stdin or into a file, never where an option could be.
 */
export type Git = {
  run(args: readonly string[], options?: RunOptions): Promise<string>;
  ask(args: readonly string[], options?: RunOptions): Promise<GitAnswer>;
};

export type RunOptions = {
  /** Written to stdin, which is closed in any case. */
  input?: Buffer | string;
  signal?: AbortSignal;
};

export type { GitAnswer };

/** How git runs: the process that starts it, and the view for an agent's files (git-view.ts). */
export type GitHost = { run: GitRunner; limitView: LimitView };

/** Git started by this process, without a confined view. */
export const localGit: GitHost = { run: runGit, limitView: async (argv) => argv };

/** Opens git at a place. Commands run in `cwd`, by default the worktree, else the git directory. */
export function openGit(place: GitPlace & { cwd?: string }, host: GitHost = localGit): Git {
  const env = buildGitEnvironment(place);
  const cwd = place.cwd ?? place.workTree ?? place.gitDir ?? "/";
  const view = viewOf(place, { cwd, env });
  const ask = async (args: readonly string[], options: RunOptions = {}): Promise<GitAnswer> => {
    const { input, signal } = options;
    let answer: GitAnswer;
    try {
      const program = view ? await host.limitView(["git"], view) : ["git"];
      answer = await host.run({ cwd, env, mode: place.mode, program, args, input }, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw new GitFailure(args, null, error instanceof Error ? error.message : String(error));
    }
    // The view could not be made, so the exit code is not git's.
    if (view && answer.exitCode === 1 && answer.stderr.startsWith("bwrap: "))
      throw new GitFailure(args, null, answer.stderr);
    return answer;
  };
  return {
    ask,
    async run(args, options) {
      const answer = await ask(args, options);
      if (answer.exitCode !== 0) throw new GitFailure(args, answer.exitCode, answer.stderr);
      return answer.stdout.toString("utf8");
    },
  };
}

/** The version of the installed git; zeros where it says none. Throws where there is no git. */
export async function gitVersion(): Promise<{ version: string; major: number; minor: number }> {
  const text = await openGit({ gitDir: null, mode: "hermetic", cwd: "/" }).run(["version"]);
  const [, version = "", major = "0", minor = "0"] = /(([0-9]+)\.([0-9]+)[^\s]*)/.exec(text) ?? [];
  return { version, major: Number(major), minor: Number(minor) };
}

/** The version of the installed git, and what is wrong with it, if anything. For `doctor`. */
export async function checkGitVersion(): Promise<{
  version: string | null;
  problem: string | null;
}> {
  try {
    const { version, major, minor } = await gitVersion();
    const isNew = major > 2 || (major === 2 && minor >= 38);
    return {
      version,
      problem: isNew ? null : `git ${version} is too old: 2.38 or newer is needed`,
    };
  } catch {
    return { version: null, problem: "git is not installed: install git 2.38 or newer" };
  }
}
