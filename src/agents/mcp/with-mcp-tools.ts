import type { McpServerConfig } from "../../core/settings/mcp-server.ts";
import { type Agent, endWith } from "../agent.ts";
import type { Tool } from "../builtin/tools/tool.ts";
import { openMcpTools } from "./open-mcp-tools.ts";

/**
 * Wraps an agent with the tools of MCP servers, open for the duration of each run. A required
 * server that fails ends the run, and is named, before the first turn.
 */
export function withMcpTools(
  servers: readonly McpServerConfig[],
  readVariable: (name: string) => string | undefined,
  make: (extraTools: readonly Tool[]) => Agent,
): Agent {
  if (servers.length === 0) return make([]);
  return async (run) => {
    const opened = await openMcpTools(servers, {
      cwd: run.worktree,
      env: run.env,
      readVariable,
      signal: run.signal,
      readOnly: run.mode === "read_only",
      spawn: run.spawnPiped,
    });
    if (!opened.ok) return endWith("gave_up", "agent_unavailable", opened.detail);
    for (const text of opened.leftOut) run.emit({ kind: "text", text });
    try {
      return await make(opened.tools)(run);
    } finally {
      await opened.close();
    }
  };
}
