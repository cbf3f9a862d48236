import type { McpTool } from "./define-tool.ts";
import type { DeputyApi } from "./deputy-api.ts";
import { makeLookingTools } from "./looking-tools.ts";
import { makeTellingTools } from "./telling-tools.ts";

/** What Deputy offers other agents, over stdio and over HTTP: submit, status, why, answer, receipt, cancel. */
export type ToolsOptions = {
  api: DeputyApi;
  /** What a task without a repository is for: the checkout that the client runs in. Null: it must name one. */
  defaultRepository: string | null;
};

export function makeMcpTools(options: ToolsOptions): McpTool[] {
  return [...makeTellingTools(options), ...makeLookingTools(options.api)];
}
