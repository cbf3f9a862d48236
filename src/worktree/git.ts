import { simpleGit } from "simple-git";
import { buildGitEnvironment, type GitPlace } from "./git-environment.ts";
import { GitFailure } from "./git-failure.ts";

/**
 * The only door to git. A command runs with an environment that is wholly ours
 * (git-environment.ts), from a folder that is given, and ends in one of two ways: `run` returns its
 * output or throws a GitFailure, `ask` returns the exit code too, for commands whose exit code is
 * the answer. Outside text goes behind `--end-of-options`, into stdin or into a file, never where
 * an option could be.
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

export type GitAnswer = { exitCode: number; stdout: Buffer; stderr: string };

/** A command that says nothing for so long hangs: a dead connection, a FIFO swapped in for a file. */
const silenceMs = 10 * 60_000;

/**
 * Open git at a place. `cwd` is where commands run: by default the worktree, else the git directory.
 */
export function openGit(place: GitPlace & { cwd?: string }): Git {
  const env = buildGitEnvironment(place);
  const cwd = place.cwd ?? place.workTree ?? place.gitDir ?? "/";
  const ask = (args: readonly string[], options: RunOptions = {}): Promise<GitAnswer> =>
    spawnGit(cwd, env, place.mode, args, options);
  return {
    ask,
    async run(args, options) {
      const answer = await ask(args, options);
      if (answer.exitCode !== 0) throw new GitFailure(args, answer.exitCode, answer.stderr);
      return answer.stdout.toString("utf8");
    },
  };
}

/**
 * One command through simple-git. Its guards are made for options that come from outside; ours are
 * constants, so the ones that forbid our own hardening are opened, by name. An instance per command,
 * because an instance runs its commands one after the other and shares input and abort signal.
 */
async function spawnGit(
  cwd: string,
  env: Record<string, string>,
  mode: GitPlace["mode"],
  args: readonly string[],
  options: RunOptions,
): Promise<GitAnswer> {
  let answer: GitAnswer | null = null;
  const { signal } = options;
  try {
    await simpleGit({
      baseDir: cwd,
      trimmed: false,
      // simple-git takes an exit code without a word on stderr for success: read it ourselves.
      errors: (error, { exitCode, stdOut, stdErr }) => {
        const stderr = Buffer.concat(stdErr).toString("utf8");
        answer = { exitCode, stdout: Buffer.concat(stdOut), stderr };
        // Its own errors (abort, silence) are not Buffers and pass; a bad exit code is our caller's.
        return error instanceof Error && "plugin" in error ? error : undefined;
      },
      timeout: { block: silenceMs },
      // In a transport a helper may outlive git with the pipes open (credential-cache, ssh masters).
      completion: { onClose: true, onExit: mode === "transport" ? 2_000 : false },
      // A Buffer even for nothing: for an empty string simple-git would leave stdin open.
      input: () => Buffer.from(options.input ?? ""),
      ...(signal ? { abort: signal } : {}),
      allowEnvironment: Object.keys(env),
      unsafe: {
        allowUnsafeConfigEnvCount: true,
        allowUnsafeConfigPaths: true,
        allowUnsafeHooksPath: true,
        allowUnsafeFsMonitor: true,
        allowUnsafeEditor: true,
        allowUnsafePager: true,
        allowUnsafePack: true,
        allowUnsafeAskPass: true,
        allowUnsafeSshCommand: mode === "transport",
        // The key of the auth header names a host, which may read like a guarded key ("alias").
        allowUnsafeAlias: mode === "transport",
        // Otherwise helpers of the user's that abbreviate an option are refused by git itself.
        allowAbbreviatedOptions: mode === "transport",
      },
    })
      .env(env)
      // After a command that printed nothing simple-git waits 50 ms for output that may come late,
      // though both pipes are closed by then. Most of ours print nothing: nothing counts as output.
      .outputHandler((_command, stdout) => {
        queueMicrotask(() => stdout.emit("data", Buffer.alloc(0)));
      })
      .raw([...args]);
  } catch (error) {
    signal?.throwIfAborted();
    throw new GitFailure(args, null, error instanceof Error ? error.message : String(error));
  }
  // Reached with a null answer only if simple-git stopped calling `errors`.
  if (!answer) throw new GitFailure(args, null, "simple-git reported no exit code");
  return answer;
}

/** The version of the installed git, and what is wrong with it, if anything. For `doctor`. */
export async function checkGitVersion(): Promise<{
  version: string | null;
  problem: string | null;
}> {
  let text: string;
  try {
    text = await openGit({ gitDir: null, mode: "hermetic", cwd: "/" }).run(["version"]);
  } catch {
    return { version: null, problem: "git is not installed: install git 2.38 or newer" };
  }
  const [, version = "", major = "0", minor = "0"] = /(([0-9]+)\.([0-9]+)[^\s]*)/.exec(text) ?? [];
  const isNew = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 38);
  return { version, problem: isNew ? null : `git ${version} is too old: 2.38 or newer is needed` };
}
