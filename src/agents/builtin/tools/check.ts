import { z } from "zod";
import type { AgentRun } from "../../agent.ts";
import { defineTool, type Tool, ToolProblem } from "./tool.ts";

const maxCalls = 8;

/**
 * Runs the checks of the work before it is finished, so that its author sees what a clean copy and the
 * guards would refuse. `before`: how often that was done in this session already. Its time is the run's.
 */
export function makeCheckTool(about: {
  check: NonNullable<AgentRun["check"]>;
  signal: AbortSignal;
  before: number;
}): Tool {
  let calls = about.before;
  return defineTool({
    name: "check",
    effect: "talks",
    description: `Run the checks that the brief lists, or one of them, on your files as they will be run afterwards: in a clean copy, with the old tests too. Tells what would not pass. At most ${maxCalls} times.`,
    input: z.strictObject({ command: z.string().trim().min(1).optional() }),
    about: ({ command }) => command ?? "all checks",
    async run({ command }) {
      if (++calls > maxCalls)
        throw new ToolProblem(`there were ${maxCalls} checks already; run the commands with bash`);
      return about.check(command ?? null, about.signal);
    },
  });
}
