import { McpServer, type StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { McpTool } from "./define-tool.ts";
import { instructions } from "./instructions.ts";

/**
 * An MCP server with Deputy's tools. The SDK speaks the protocol, in old and new revisions; the
 * tools' inputs and answers are ours. A refusal is a tool answer with `isError`, never a protocol
 * error.
 */
export function makeMcpServer(tools: readonly McpTool[], version: string): McpServer {
  const server = new McpServer({ name: "deputy", title: "Deputy", version }, { instructions });
  for (const tool of tools) {
    const { name, title, description, annotations } = tool;
    const config = { title, description, inputSchema: describeOnly(tool.input), annotations };
    server.registerTool(name, config, async (input) => {
      const answer = await tool.call(input);
      const content = [{ type: "text" as const, text: answer.text }];
      return answer.ok ? { content, structuredContent: answer.data } : { content, isError: true };
    });
  }
  return server;
}

/**
 * The schema as clients see it, without the SDK's validation, whose error messages are not ours.
 */
function describeOnly(schema: z.ZodType): StandardSchemaWithJSON {
  const toJson = () => {
    const { $schema: _, ...json } = z.toJSONSchema(schema, { io: "input" });
    return json;
  };
  return {
    "~standard": {
      version: 1,
      vendor: "deputy",
      validate: (value) => ({ value }),
      jsonSchema: { input: toJson, output: toJson },
    },
  };
}
