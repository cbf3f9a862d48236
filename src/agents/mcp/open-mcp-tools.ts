import type { McpServerConfig } from "../../core/settings/mcp-server.ts";
import type { Tool } from "../builtin/tools/tool.ts";
import type { ServerConnection, ServerSurroundings } from "./connect-server.ts";

/**
 * Opens the tools of the configured MCP servers for one attempt, all servers at once. A required
 * server that fails ends the attempt before its first turn; any other is left out and reported. A
 * server that dies later is reported to the model. The caller closes them.
 */
export type McpTools =
  | {
      ok: true;
      tools: Tool[];
      /** Sentences for the log and for people: omitted servers and tools. */
      leftOut: string[];
      /** Ends the started servers with all their child processes. */
      close(): Promise<void>;
    }
  /** `detail` names the server. Nothing is left running. */
  | { ok: false; server: string; detail: string };

export type McpToolsOptions = ServerSurroundings & {
  /** Only tools that are declared read-only. */
  readOnly: boolean;
};

export async function openMcpTools(
  servers: readonly McpServerConfig[],
  options: McpToolsOptions,
): Promise<McpTools> {
  if (servers.length === 0) return { ok: true, tools: [], leftOut: [], close: async () => {} };
  // The SDK is loaded only if there are servers.
  const [{ connectServer }, { makeTools }, { ServerTrouble }] = await Promise.all([
    import("./connect-server.ts"),
    import("./make-tools.ts"),
    import("./server-trouble.ts"),
  ]);
  const opened = await Promise.allSettled(servers.map((server) => connectServer(server, options)));
  const connections: ServerConnection[] = [];
  const dead: { server: McpServerConfig; reason: unknown }[] = [];
  for (const [at, server] of servers.entries()) {
    const result = opened[at];
    if (result?.status === "fulfilled") connections.push(result.value);
    else dead.push({ server, reason: result?.reason });
  }
  const close = async () => {
    await Promise.all(connections.map((connection) => connection.close()));
  };
  const bug = dead.find(({ reason }) => !(reason instanceof ServerTrouble));
  const missing = dead.find(({ server }) => server.required);
  if (bug || missing) await close();
  if (bug) throw bug.reason;
  if (missing) {
    const { server, reason } = missing;
    const detail = `the required MCP server ${server.name} ${(reason as Error).message}`;
    return { ok: false, server: server.name, detail };
  }
  const { tools, leftOut } = makeTools(connections, options);
  const absent = dead.map(
    ({ server, reason }) =>
      `The MCP server ${server.name} is left out: it ${(reason as Error).message}.`,
  );
  return { ok: true, tools, leftOut: [...absent, ...leftOut], close };
}
