import type { McpTool } from "./define-tool.ts";
import type { DeputyApi } from "./deputy-api.ts";
import { makeLookingTools } from "./looking-tools.ts";
import { makeTellingTools } from "./telling-tools.ts";

/**
 * Deputy's tools for other agents, over stdio and HTTP: submit, status, inbox, why, answer, receipt,
 * cancel.
 */
export type ToolsOptions = {
  api: DeputyApi;
  /**
   * Default repository of a task: the checkout that the client runs in. Null: the task must name
   * one.
   */
  defaultRepository: string | null;
};

export function makeMcpTools(options: ToolsOptions): McpTool[] {
  return [...makeTellingTools(options), ...makeLookingTools(options.api)];
}
