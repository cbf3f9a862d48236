import { constants } from "node:os";
import type { FailureKind } from "../../core/task/failure.ts";
import type { LimitHit } from "../../sandbox/box/sandbox.ts";
import type { CommandResult } from "../../sandbox/process/run-command.ts";

/**
 * Whether a program was ended by a signal that is not ours, and what that means. The sender is
 * unknown, but it was rarely the work's fault: the kernel was out of memory, or a person or a
 * script killed it. The sandbox's memory limit counts as that too. A program that made too many
 * processes or filled the disk is at fault itself.
 */
export type Kill = {
  /** One clause for people: `killed by SIGKILL`. */
  detail: string;
  failure: Extract<FailureKind, "killed"> | null;
};

/** A result that may name the sandbox limit for which the program was killed. */
export type LimitedResult = CommandResult & { limit?: LimitHit | null };

/** Returns null if it ended by itself. */
export function findKill({ error, exitCode, limit, signal }: LimitedResult): Kill | null {
  if (limit && limit.limit !== "memory") return { detail: error ?? limit.detail, failure: null };
  if (limit) return { detail: killedForMemory(limit.detail), failure: "killed" };
  const name = signal ?? signalOfExitCode(exitCode);
  return name ? { detail: error ?? `killed by ${name}`, failure: "killed" } : null;
}

/** Like `findKill`, from the text of an interactive program's end (`PipedProcess.ended`). */
export function findKillInWords(how: string): Kill | null {
  const memory = /^killed by the sandbox: (.* of memory)$/.exec(how)?.[1];
  if (memory) return { detail: killedForMemory(memory), failure: "killed" };
  if (how.startsWith("killed by the sandbox")) return { detail: how, failure: null };
  if (how.startsWith("killed")) return { detail: how, failure: "killed" };
  const name = signalOfExitCode(Number(/^exit (\d+)$/.exec(how)?.[1] ?? 0));
  return name ? { detail: `killed by ${name}`, failure: "killed" } : null;
}

function killedForMemory(limit: string): string {
  return `killed by the sandbox: ${limit}, its limit (sandbox.memory_mb)`;
}

/** A shell, and bwrap, report a child's death by signal as 128 + its number. */
function signalOfExitCode(exitCode: number | null): string | null {
  if (exitCode === null || exitCode <= 128) return null;
  const found = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128);
  return found?.[0] ?? null;
}
