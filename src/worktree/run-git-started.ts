import { buildGitEnvironment } from "./git-environment.ts";
import { type GitAnswer, type GitRequest, maxOutputBytes, runGit, silenceMs } from "./run-git.ts";

/**
 * Git commands through starters (sandbox/starter.ts, which this folder does not know), which is
 * quicker than a daemon that starts git itself. They have the environment that hermetic commands
 * share, and get what is a command's own; whatever else a command needs (another environment, input,
 * an argument of several lines) goes through simple-git, and so does all that reaches the network.
 */
type Starters = {
  canRun(command: { argv: string[]; env: Record<string, string> }): boolean;
  run(
    command: { argv: string[]; env: Record<string, string> },
    limits: { silenceMs: number; maxBytes: number; signal?: AbortSignal | undefined },
  ): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer }>;
};

/** What differs from one hermetic command to the next. */
const own = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_LITERAL_PATHSPECS"];

/** The environment to give to the starters of git. */
export function sharedGitEnvironment(): Record<string, string> {
  return split(buildGitEnvironment({ gitDir: null, mode: "hermetic" })).shared;
}

/** A runner for `setGitRunner`. */
export function makeStartedGit(
  starters: Starters,
  shared: Readonly<Record<string, string>>,
): (request: GitRequest, signal?: AbortSignal) => Promise<GitAnswer> {
  return async (request, signal) => {
    const { cwd, env, mode, program, args, input, maxBytes = maxOutputBytes } = request;
    const parts = split(env);
    const command = { argv: [...program, "-C", cwd, ...args], env: parts.own };
    const fits =
      mode === "hermetic" && !input && isSame(parts.shared, shared) && starters.canRun(command);
    if (!fits) return runGit(request, signal);
    const { exitCode, stdout, stderr } = await starters.run(command, {
      silenceMs,
      maxBytes,
      signal,
    });
    return { exitCode, stdout, stderr: stderr.toString("utf8") };
  };
}

function split(env: Record<string, string>) {
  const entries = Object.entries(env);
  return {
    own: Object.fromEntries(entries.filter(([name]) => own.includes(name))),
    shared: Object.fromEntries(entries.filter(([name]) => !own.includes(name))),
  };
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
