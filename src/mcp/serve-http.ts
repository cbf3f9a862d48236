import { createMcpHandler } from "@modelcontextprotocol/server";
import { makeMcpServer } from "./server.ts";
import { makeMcpTools, type ToolsOptions } from "./tools.ts";

/**
 * Streamable HTTP, as a function from request to response. Stateless between requests, so a
 * restarted daemon keeps answering. Authentication is the caller's task: no token is checked here.
 */
export function openMcpOverHttp(
  options: ToolsOptions & { version: string; maxBodyBytes: number },
): { answer(request: Request): Promise<Response>; close(): Promise<void> } {
  const tools = makeMcpTools(options);
  const handler = createMcpHandler(() => makeMcpServer(tools, options.version), {
    maxRequestBodySize: options.maxBodyBytes,
  });
  return { answer: (request) => handler.fetch(request), close: () => handler.close() };
}
