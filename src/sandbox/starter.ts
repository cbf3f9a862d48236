import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { type RunningTimer, startRunningTimer } from "../core/running-timer.ts";
import { signalGroup } from "./kill-group.ts";

/**
 * A small shell that starts programs for a large process. Starting a program copies the page tables
 * of whoever starts it and stops it until the program runs, which takes a daemon several times as
 * long as a shell. A starter reads a command from its stdin as lines of data, runs it, and writes a
 * line that nobody can guess behind its output; then it is free for the next one. No text is parsed
 * as shell: the lines become variables and arguments, and reach the program as they are.
 */
export type Starter = {
  /** One at a time. Rejects when the signal or silence ended it, or the shell was lost: then it `isLost`. */
  run(command: StartedCommand, limits: StartedLimits): Promise<StartedResult>;
  isLost(): boolean;
  /** It ends when what it runs has ended. */
  end(): void;
};

export type StartedCommand = {
  /** A program, on the PATH or with its path, and its arguments. Its stdin is empty. */
  argv: readonly string[];
  /** Beside what the starter itself has, and gives to all that it starts. */
  env: Readonly<Record<string, string>>;
};

/** A command that writes nothing for `silenceMs`, or more than `maxBytes` in all, is ended. */
export type StartedLimits = {
  silenceMs: number;
  maxBytes?: number;
  signal?: AbortSignal | undefined;
};

/** A program that a signal ended has the exit code that a shell gives it: 128 and the signal's number. */
export type StartedResult = { exitCode: number; stdout: Buffer; stderr: Buffer };

const script = `while IFS= read -r end; do
  IFS= read -r left; names=
  while [ "$left" -gt 0 ]; do
    IFS= read -r line; export "$line"; names="$names \${line%%=*}"; left=$((left - 1))
  done
  IFS= read -r left; set --
  while [ "$left" -gt 0 ]; do
    IFS= read -r line; set -- "$@" "$line"; left=$((left - 1))
  done
  "$@" </dev/null
  printf '%s %s\\n' "$end" "$?"; printf '%s\\n' "$end" >&2
  for line in $names; do unset "$line"; done
done`;

/** Between SIGTERM, at which git lets go of its locks, and SIGKILL. */
const graceMs = 2_000;

/** Whether a command can be said in lines, to a starter that has these variables itself. */
export function canBeStarted(
  { argv, env }: StartedCommand,
  own: Readonly<Record<string, string>>,
): boolean {
  return (
    [...argv, ...Object.values(env)].every((text) => !/[\n\0]/.test(text)) &&
    // One that the starter has could not be taken back after the command.
    Object.keys(env).every((name) => /^[A-Z][A-Z0-9_]*$/.test(name) && !(name in own))
  );
}

/** `env` is its whole environment. */
export function startStarter(env: Readonly<Record<string, string>>): Starter {
  // By the name of sh: by its own, bash would take stdin for a login from afar and read ~/.bashrc.
  const child: ChildProcess = spawn("/bin/sh", ["-c", script], {
    cwd: "/",
    env,
    detached: true, // a group of its own, to be ended with what it runs
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { pid, stdin, stdout, stderr } = child; // without a process there may be none of them
  let lost: string | null = null;
  let running: {
    take(from: "stdout" | "stderr", chunk: Buffer): void;
    lose(why: string): void;
  } | null = null;
  child.on("error", (error) => {
    lost ??= error.message;
    running?.lose(lost);
  });
  child.on("exit", (code, signal) => {
    lost ??= `the shell that started it ended (${signal ?? code})`;
  });
  // Not before what it ran is gone as well, and has let go of its locks.
  child.on("close", () => running?.lose(lost ?? "the shell that started it ended"));
  stdin?.on("error", () => {}); // it has ended, which is told above
  stdout?.on("data", (chunk: Buffer) => running?.take("stdout", chunk));
  stderr?.on("data", (chunk: Buffer) => running?.take("stderr", chunk));
  // The process may end while nobody waits for a command.
  const hold = (yes: boolean) => {
    for (const pipe of [stdin, stdout, stderr] as (Socket | null | undefined)[]) {
      if (yes) pipe?.ref();
      else pipe?.unref();
    }
  };
  child.unref();
  hold(false);

  return {
    isLost: () => lost !== null,
    end: () => void stdin?.end(),
    async run(
      { argv, env: variables },
      { silenceMs, maxBytes = Number.POSITIVE_INFINITY, signal },
    ) {
      signal?.throwIfAborted();
      if (lost !== null) throw new Error(lost);
      const end = randomBytes(16).toString("hex");
      const pairs = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
      const out = untilEnd(`${end} `);
      const err = untilEnd(end);
      const timers: NodeJS.Timeout[] = [];
      let bytes = 0;
      let silence: RunningTimer | undefined;
      let onAbort = () => {};
      hold(true);
      try {
        return await new Promise<StartedResult>((resolve, reject) => {
          let reason: unknown = null;
          const stop = (why: unknown) => {
            if (reason !== null) return;
            reason = why;
            lost ??= "what it ran was ended";
            if (pid !== undefined) signalGroup(pid, "SIGTERM");
            const kill = () => {
              if (pid !== undefined) signalGroup(pid, "SIGKILL");
              reject(why);
            };
            timers.push(setTimeout(kill, graceMs));
          };
          silence = startRunningTimer(silenceMs, () =>
            stop(new Error(`it wrote nothing for ${silenceMs / 1_000} s`)),
          );
          onAbort = () => stop(signal?.reason);
          signal?.addEventListener("abort", onAbort, { once: true });
          running = {
            take(from, chunk) {
              silence?.restart();
              bytes += chunk.length;
              if (bytes > maxBytes) {
                stop(new Error(`it was ended because it printed more than ${maxBytes} bytes`));
                return;
              }
              (from === "stdout" ? out : err).add(chunk);
              const [said, complained] = [out.whole(), err.whole()];
              if (!said || !complained) return;
              resolve({
                exitCode: Number(said.rest),
                stdout: said.before,
                stderr: complained.before,
              });
            },
            lose: (why) => reject(reason ?? new Error(why)),
          };
          stdin?.write([end, pairs.length, ...pairs, argv.length, ...argv, ""].join("\n"));
        });
      } finally {
        running = null;
        timers.forEach(clearTimeout);
        silence?.stop();
        signal?.removeEventListener("abort", onAbort);
        hold(false);
      }
    },
  };
}

/** Output up to the line that starts with `end`, and what stands behind it there. */
function untilEnd(end: string) {
  const chunks: Buffer[] = [];
  let tail = "";
  return {
    add(chunk: Buffer) {
      chunks.push(chunk);
      tail = (tail + chunk.subarray(-64).toString("latin1")).slice(-64);
    },
    whole(): { before: Buffer; rest: string } | null {
      const at = tail.endsWith("\n") ? tail.lastIndexOf(end) : -1;
      if (at < 0) return null;
      const all = Buffer.concat(chunks);
      const rest = tail.slice(at + end.length, -1);
      return { before: all.subarray(0, all.length - (tail.length - at)), rest };
    },
  };
}
