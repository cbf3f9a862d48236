import type { Config } from "../config/config.ts";
import { scrubbedEnvironment } from "../core/base/child-environment.ts";
import { processMark } from "../core/base/marks.ts";
import type { WantedTools } from "../core/settings/wanted-tool.ts";
import type { Self } from "../roles/box.ts";
import { withTools } from "../sandbox/box/installed-tools.ts";

/** The environment of agents, setup and checks, with the tools that a base commit asks for. */
export function makeCommandEnvironment({ config, self }: { config: Config; self: Self }) {
  return (tools: WantedTools | undefined): Record<string, string> => {
    const own = { ...config.sandbox.environment, [processMark]: self.processId };
    const env = scrubbedEnvironment(own);
    const { checks, worktrees } = config.paths;
    return tools ? withTools(env, tools, [worktrees, checks]) : env;
  };
}
