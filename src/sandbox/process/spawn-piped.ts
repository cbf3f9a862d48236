import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { CappedText } from "./capped-text.ts";
import { endLeftovers, signalGroup } from "./kill-group.ts";
import { identifyProcess } from "./process-identity.ts";
import { type CommandSpec, runMark } from "./run-command.ts";

/**
 * An interactive program on stdin and stdout, kept for as long as it is needed: a tool server, an
 * agent that speaks a protocol. It has a process group and a mark of its own, so that nothing it
 * started outlives it. Takes plain commands and those that `confine` returns.
 */
export type PipedProcess = {
  stdin: Writable;
  stdout: Readable;
  /** The beginning and the end of its stderr. */
  stderr(): string;
  /** How it ended, in words: `exit 3`, `killed by SIGKILL`. Its earlier output can be read then. */
  ended: Promise<string>;
  /** Closes its stdin, then sends SIGTERM, then SIGKILL to its group. Resolves when all is gone. */
  stop(): Promise<void>;
};

/** Rejects when the program cannot be started. */
export async function spawnPiped(
  spec: Pick<CommandSpec, "argv" | "cwd" | "env" | "user" | "onStarted">,
  graceMs = 1_000,
): Promise<PipedProcess> {
  const mark = spec.env[runMark] ?? randomUUID();
  const [program, ...args] = spec.argv;
  const child = spawn(program, args, {
    cwd: spec.cwd,
    env: { ...spec.env, [runMark]: mark },
    detached: true,
    ...spec.user,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { stdin, stdout } = child;
  stdin.on("error", () => {}); // it may close its stdin early; `ended` says why
  const said = new CappedText(2_048);
  child.stderr.on("data", (chunk: Buffer) => said.add(chunk));
  const exited = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ? `killed by ${signal}` : `exit ${code}`));
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const pid = child.pid ?? 0;
  const leader = identifyProcess(pid);
  if (leader) spec.onStarted?.(leader);
  const ended = exited.then(async (how) => {
    signalGroup(pid, "SIGKILL");
    await endLeftovers(leader, { name: runMark, value: mark });
    // Reads the rest of the pipe; drops one that another process holds open.
    if (!stdout.closed) await Promise.race([once(stdout, "close"), waitMs(500)]);
    stdout.destroy();
    child.stderr.destroy();
    return how;
  });
  return {
    stdin,
    stdout,
    stderr: () => said.text(),
    ended,
    async stop() {
      stdin.end();
      stdout.resume(); // without a reader, a full pipe would keep it from ending
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        const gone = await Promise.race([exited.then(() => true), waitMs(graceMs)]);
        if (!gone) signalGroup(pid, signal);
      }
      await ended;
    },
  };
}

function waitMs(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms).unref());
}
