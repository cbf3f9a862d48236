import { z } from "zod";
import type { AgentRun } from "../../agent.ts";
import { defineTool, type Tool, ToolProblem } from "./tool.ts";

const maxCalls = 12;

/** `before`: how often something was tried in this session already. Its time is the run's. */
export function makeTryTool(about: {
  tryCommand: NonNullable<AgentRun["tryCommand"]>;
  signal: AbortSignal;
  before: number;
}): Tool {
  let calls = about.before;
  return defineTool({
    name: "try",
    effect: "talks",
    description: `Run a sh command as checks are run: in a throw-away checkout of this commit, set up, put back before each. The result begins with how it ended. Two minutes each, at most ${maxCalls} times.`,
    input: z.strictObject({ command: z.string().trim().min(1).max(4_000) }),
    about: ({ command }) => command,
    async run({ command }) {
      if (++calls > maxCalls) throw new ToolProblem(`${maxCalls} commands were tried already`);
      const { ok, text } = await about.tryCommand(command, about.signal);
      return { ok, text: `${text}\n[try ${calls} of ${maxCalls}]` };
    },
  });
}
