import { z } from "zod";
import type { CommandResult } from "../../../sandbox/run-command.ts";
import type { RunCommand } from "../../agent.ts";
import { findProgram } from "./find-program.ts";
import { defineTool, type Tool } from "./tool.ts";

const defaultTimeoutS = 120;
const maxTimeoutS = 1_800;

/** Where the tools of one run work, and how their processes are stopped and found again. */
export type ToolSurroundings = {
  worktree: string;
  /** The whole environment of commands. */
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  runCommand: RunCommand;
};

/** Runs a shell command in the worktree's root. Nothing that it starts outlives it. */
export function makeBashTool({ worktree, env, signal, runCommand }: ToolSurroundings): Tool {
  const shell = findProgram("bash", env) ? "bash" : "sh";
  return defineTool({
    name: "bash",
    description: `Run a ${shell} command in the root of the worktree. stdin is empty; long output keeps its head and tail; background processes are ended with the command. Do not commit: that is done for you.`,
    input: z.strictObject({
      command: z.string().min(1),
      timeout_s: z.number().positive().max(maxTimeoutS).optional(),
    }),
    about: ({ command }) => command,
    async run({ command, timeout_s = defaultTimeoutS }) {
      const result = await runCommand({
        argv: [shell, "-c", command],
        cwd: worktree,
        env,
        timeoutMs: timeout_s * 1_000,
        signal,
        graceMs: 2_000,
        keepBytes: 8 * 1024,
      });
      const how = describeEnd(result, timeout_s);
      const output = result.output.trimEnd();
      return {
        ok: result.endedBy === "exit" && result.exitCode === 0,
        text: `${how}\n${output || "(no output)"}`,
      };
    },
  });
}

function describeEnd(result: CommandResult, timeoutS: number): string {
  switch (result.endedBy) {
    case "exit":
      return result.signal ? `killed by ${result.signal}` : `exit ${result.exitCode}`;
    case "timeout":
      return `Error: stopped after ${timeoutS} s; give a larger timeout_s (at most ${maxTimeoutS}) or a smaller job`;
    case "abort":
      return "Error: stopped on request";
    case "not_started":
      return `Error: the command could not start: ${result.error}`;
  }
}
