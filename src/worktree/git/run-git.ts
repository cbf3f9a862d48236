import { simpleGit } from "simple-git";
import { runProgram } from "../../sandbox/process/run-program.ts";
import type { GitMode } from "./git-environment.ts";

/** One git command as plain data, so that it can be sent to another process. */
export type GitRequest = {
  cwd: string;
  env: Record<string, string>;
  mode: GitMode;
  /** git, or the command that runs it in a view of its own. */
  program: readonly string[];
  args: readonly string[];
  input: Buffer | string | undefined;
  /** Default: maxOutputBytes. */
  maxBytes?: number;
};

/** Runs a git command; see `runGit`. */
export type GitRunner = (request: GitRequest, signal?: AbortSignal) => Promise<GitAnswer>;

export type GitAnswer = { exitCode: number; stdout: Buffer; stderr: string };

/** A command silent for this long hangs: a dead connection, a FIFO swapped in for a file. */
export const silenceMs = 10 * 60_000;

/** Maximum of a command's whole output: it is held in memory, and read as one string. */
export const maxOutputBytes = 256 * 1024 * 1024;

/**
 * Runs one git command. Hermetic ones are run as they are, because a task has dozens of them; a command
 * that talks with a remote goes through simple-git, which knows when a transport's helpers are done.
 */
export async function runGit(request: GitRequest, signal?: AbortSignal): Promise<GitAnswer> {
  if (request.mode === "transport") return runTransport(request, signal);
  const { program, args, maxBytes = maxOutputBytes, cwd, env, input } = request;
  const [binary = "git", ...before] = program;
  const { exitCode, stdout, stderr } = await runProgram({
    ...{ cwd, env, input, silenceMs, maxBytes, signal },
    argv: [binary, ...before, ...args],
  });
  return { exitCode, stdout, stderr: stderr.toString("utf8") };
}

/**
 * Runs one command through simple-git. Its guards are meant for options from outside; ours are
 * constants, so the guards against our own hardening are disabled by name. Each command has its own
 * instance, because one runs its commands in turn and shares input and abort signal.
 */
async function runTransport(
  { cwd, env, program, args, input, maxBytes = maxOutputBytes }: GitRequest,
  signal?: AbortSignal,
): Promise<GitAnswer> {
  const [binary = "git", ...before] = program;
  let answer: GitAnswer | null = null;
  const full = new AbortController();
  let bytes = 0;
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) full.abort();
  };
  const running = simpleGit({
    baseDir: cwd,
    binary,
    trimmed: false,
    // simple-git takes any exit code with an empty stderr for success: read it ourselves.
    errors: (error, { exitCode, stdOut, stdErr }) => {
      const stderr = Buffer.concat(stdErr).toString("utf8");
      answer = { exitCode, stdout: Buffer.concat(stdOut), stderr };
      // Its own errors (abort, silence) are not Buffers and pass; a bad exit code is the caller's.
      return error instanceof Error && "plugin" in error ? error : undefined;
    },
    timeout: { block: silenceMs },
    // In a transport a helper may outlive git with the pipes open (credential-cache, ssh masters).
    completion: { onClose: true, onExit: 2_000 },
    // Always a Buffer: for an empty string simple-git would leave stdin open.
    input: () => Buffer.from(input ?? ""),
    abort: signal ? AbortSignal.any([signal, full.signal]) : full.signal,
    allowEnvironment: Object.keys(env),
    unsafe: {
      allowUnsafeConfigEnvCount: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeHooksPath: true,
      allowUnsafeFsMonitor: true,
      allowUnsafeFilter: true,
      allowUnsafeEditor: true,
      allowUnsafePager: true,
      allowUnsafePack: true,
      allowUnsafeAskPass: true,
      allowUnsafeSshCommand: true,
      // The user's own program, where what is delivered is signed.
      allowUnsafeGpgProgram: true,
      // The key of the auth header names a host, which may read like a guarded key ("alias").
      allowUnsafeAlias: true,
      // Otherwise git refuses helpers of the user that abbreviate an option.
      allowAbbreviatedOptions: true,
    },
  })
    .env(env)
    // After a command without output simple-git waits 50 ms for late output, though both pipes are
    // closed by then. Most of ours print nothing, so an empty chunk counts as output.
    .outputHandler((_command, stdout, stderr) => {
      stdout.on("data", count);
      stderr.on("data", count);
      queueMicrotask(() => stdout.emit("data", Buffer.alloc(0)));
    })
    .raw([...before, ...args]);
  try {
    await running;
  } catch (error) {
    if (!full.signal.aborted) throw error;
    throw new Error(`it was ended because it printed more than ${maxBytes} bytes`);
  }
  // Reached with a null answer only if simple-git stopped calling `errors`.
  if (!answer) throw new Error("simple-git reported no exit code");
  return answer;
}
