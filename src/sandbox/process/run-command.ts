import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync, type WriteStream } from "node:fs";
import { dirname } from "node:path";
import type { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { startRunningTimer } from "../../core/base/running-timer.ts";
import { CappedText } from "./capped-text.ts";
import { endLeftovers, signalGroup } from "./kill-group.ts";
import { identifyProcess, type ProcessIdentity } from "./process-identity.ts";

/**
 * Runs one program in its own process group and never throws for what the program does: failing to
 * start, failing, hanging, flooding its output and leaving children behind are all results. It ends
 * when the program exits, not when its pipes close, because a grandchild may keep stdout open for
 * ever. Then the rest of the group is killed, and every process with this run's mark in its
 * environment. Only a program whose job is to start a server may set `survivors`.
 */
export type CommandSpec = {
  /** Program and arguments. No shell: pass ["sh", "-c", text] for a person's shell line. */
  argv: readonly [string, ...string[]];
  cwd: string;
  /** The complete environment; nothing is inherited. See `scrubbedEnvironment`. */
  env: Readonly<Record<string, string>>;
  /** Written to stdin, which is then closed unless `onInput` is set. */
  input?: string;
  /** Gets stdin after the input, to write more and close it. The program may have ended. */
  onInput?: (stdin: Writable) => void;
  /** In time this process was running: see running-timer.ts. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** Between SIGTERM and SIGKILL. */
  graceMs?: number;
  /** How much output to keep in memory: this much head and this much tail. Default 32 KiB each. */
  keepBytes?: number;
  /**
   * Receives the whole output too, up to `logCapBytes` (default 64 MiB). The file and its folder are
   * made for the first output: most checks that pass print none.
   */
  logPath?: string;
  logCapBytes?: number;
  /** Called immediately with pid and start time, so that a restart can find an orphan. */
  onStarted?: (identity: ProcessIdentity) => void;
  onOutput?: (chunk: string, stream: "stdout" | "stderr") => void;
  /** Keep the program's children when it exits by itself; such a run carries no mark. */
  survivors?: boolean;
  /**
   * For a program that makes a sandbox. Everything inside dies with it, so nothing is searched for
   * afterwards. SIGTERM goes to the command's group inside, if known (null: it is not), because the
   * program itself would end everything at once.
   */
  contained?: { findGroup(leaderPid: number): number | null };
  /** Run as this user, with its group and no supplementary groups. Requires root. */
  user?: SystemUser;
};

export type SystemUser = { uid: number; gid: number };

export type CommandResult = {
  /** The cause of the end; the first one wins. `not_started` carries the reason in `error`. */
  endedBy: "exit" | "timeout" | "abort" | "not_started";
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** stdout and stderr interleaved, head and tail kept, with a note for the gap. */
  output: string;
  /** stdout alone, with the same limit. */
  stdout: string;
  truncatedBytes: number;
  durationMs: number;
  error: string | null;
  /** A clause about a program that it did not find and this machine has, if the sandbox knows. */
  missed?: string | null;
};

/** The environment variable that marks every process of a run. */
export const runMark = "DEPUTY_RUN";

export async function runCommand(spec: CommandSpec): Promise<CommandResult> {
  const startedAt = performance.now();
  const mark = spec.env[runMark] ?? randomUUID();
  const keep = spec.keepBytes ?? 32 * 1024;
  const all = new CappedText(keep);
  const stdout = new CappedText(keep);
  const result = (
    endedBy: CommandResult["endedBy"],
    exitCode: number | null,
    signal: NodeJS.Signals | null,
    error: string | null,
  ): CommandResult => ({
    endedBy,
    exitCode,
    signal,
    output: all.text(),
    stdout: stdout.text(),
    truncatedBytes: all.droppedBytes,
    durationMs: Math.round(performance.now() - startedAt),
    error,
  });
  if (spec.signal?.aborted) return result("abort", null, null, null);

  let child: ChildProcess;
  const [program, ...args] = spec.argv;
  try {
    child = spawn(program, args, {
      cwd: spec.cwd,
      env: spec.survivors ? { ...spec.env } : { ...spec.env, [runMark]: mark },
      detached: true,
      ...spec.user, // with a uid, Node drops the supplementary groups too (libuv: setgroups(0))
      stdio: [spec.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
  } catch (error) {
    return result("not_started", null, null, (error as Error).message);
  }
  // An unwritable log must not end the run; its output is still kept in memory.
  const log = spec.logPath ? openLog(spec.logPath, spec.logCapBytes ?? 64 * 1024 * 1024) : null;
  let cause: "timeout" | "abort" | null = null;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (why: "timeout" | "abort") => {
    cause ??= why;
    if (child.pid === undefined || killTimer) return;
    const { pid } = child;
    const group = spec.contained?.findGroup(pid) ?? null;
    if (group === null || !signalGroup(group, "SIGTERM")) signalGroup(pid, "SIGTERM");
    killTimer = setTimeout(() => signalGroup(pid, "SIGKILL"), spec.graceMs ?? 5_000);
  };
  const onAbort = () => stop("abort");
  const timer = startRunningTimer(spec.timeoutMs, () => stop("timeout"));

  for (const stream of ["stdout", "stderr"] as const) {
    const decoder = new StringDecoder("utf8"); // a character may be split between two chunks
    child[stream]?.on("data", (chunk: Buffer) => {
      all.add(chunk);
      if (stream === "stdout") stdout.add(chunk);
      log?.write(chunk);
      spec.onOutput?.(decoder.write(chunk), stream);
    });
  }
  child.stdin?.on("error", () => {}); // a program may close its stdin early
  if (child.stdin && spec.onInput) {
    child.stdin.write(spec.input);
    spec.onInput(child.stdin);
  } else child.stdin?.end(spec.input);

  const leader = child.pid === undefined ? null : identifyProcess(child.pid);
  if (leader) spec.onStarted?.(leader);
  spec.signal?.addEventListener("abort", onAbort, { once: true });
  if (spec.signal?.aborted) onAbort();
  try {
    const ended = await new Promise<{
      code: number | null;
      signal: NodeJS.Signals | null;
      error: Error | null;
    }>((resolve) => {
      child.once("error", (error) => {
        if (child.pid === undefined) resolve({ code: null, signal: null, error });
      });
      child.once("exit", (code, signal) => resolve({ code, signal, error: null }));
    });
    if (ended.error) {
      // ENOENT is reported for the program even if the folder is missing.
      const missing = !existsSync(spec.cwd);
      const why = missing ? `the folder ${spec.cwd} does not exist` : ended.error.message;
      return result("not_started", null, null, why);
    }
    const spared = spec.survivors === true && cause === null;
    if (child.pid !== undefined && !spared) signalGroup(child.pid, "SIGKILL");
    if (!spec.survivors && !spec.contained)
      await endLeftovers(leader, { name: runMark, value: mark });
    await drain(child);
    return result(cause ?? "exit", ended.code, ended.signal, null);
  } finally {
    timer.stop();
    clearTimeout(killTimer);
    spec.signal?.removeEventListener("abort", onAbort);
    await log?.close();
  }
}

/** Reads what is already in the pipes; drops a pipe that another process keeps open. */
async function drain(child: ChildProcess): Promise<void> {
  const open = [child.stdout, child.stderr].filter((stream) => stream && !stream.closed);
  const closed = Promise.all(
    open.map((stream) => new Promise((resolve) => stream?.once("close", resolve))),
  );
  // In steps, because a busy process is late for its timers and reads the pipes once between two.
  for (let step = 0; step < 10 && open.some((stream) => !stream?.closed); step++) {
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 50).unref())]);
  }
  for (const stream of open) stream?.destroy();
}

function openLog(
  path: string,
  capBytes: number,
): { write(chunk: Buffer): void; close(): Promise<void> } {
  let file: WriteStream | null = null;
  let failed = false;
  let written = 0;
  const open = () => {
    const fail = () => {
      failed = true;
    };
    try {
      mkdirSync(dirname(path), { recursive: true });
    } catch {
      // The file cannot be opened then, either.
    }
    return createWriteStream(path, { flags: "a", mode: 0o600 }).on("error", fail);
  };
  return {
    write(chunk) {
      file ??= open();
      if (failed || written >= capBytes) return;
      file.write(chunk.subarray(0, capBytes - written));
      written += chunk.length;
      if (written >= capBytes) file.write(`\n[log ends here: ${capBytes} bytes]\n`);
    },
    close: () =>
      new Promise((resolve) => {
        if (failed || !file) return resolve();
        file.once("error", () => resolve());
        file.end(() => resolve());
      }),
  };
}
