import type { CallToolResult } from "@modelcontextprotocol/client";
import { cleanText, cutMiddle, cutText, firstLine } from "../../core/text/clean-text.ts";
import { type Tool, ToolProblem } from "../builtin/tools/tool.ts";
import type { ServerConnection } from "./connect-server.ts";
import { ServerTrouble } from "./server-trouble.ts";

/**
 * Converts the tools of connected servers to tools of the loop, within limits: every tool costs
 * tokens in every turn, and descriptions are text from outside. `leftOut` lists what was omitted.
 */
export type MadeTools = { tools: Tool[]; leftOut: string[] };

export function makeTools(
  connections: readonly ServerConnection[],
  options: { readOnly: boolean; signal: AbortSignal },
): MadeTools {
  const tools = new Map<string, Tool>();
  const leftOut: string[] = [];
  for (const connection of connections) {
    const { config } = connection;
    let refused = 0;
    for (const listed of connection.tools) {
      if (options.readOnly && listed.annotations?.readOnlyHint !== true) continue;
      const name = nameTool(config.name, listed.name);
      const fits = JSON.stringify(listed.inputSchema).length <= maxSchemaChars;
      if (tools.size >= maxTools || !fits || tools.has(name)) refused++;
      else tools.set(name, makeTool(connection, listed, name, options.signal));
    }
    if (refused > 0) {
      leftOut.push(
        `${refused} of ${connection.tools.length} tools of the MCP server ${config.name} are left out: at most ${maxTools} in all, each with a name of its own and a schema of at most ${maxSchemaChars} characters.`,
      );
    }
  }
  return { tools: [...tools.values()], leftOut };
}

const maxTools = 64;
const maxSchemaChars = 8_000;
const maxDescriptionChars = 1_000;
/** For each end of a long result. */
const keepChars = 12_000;

/** Model providers accept letters, digits, `_` and `-`, at most 64 characters. */
function nameTool(server: string, tool: string): string {
  return `mcp__${server}__${tool.replace(/[^A-Za-z0-9_-]/g, "_")}`.slice(0, 64);
}

function makeTool(
  connection: ServerConnection,
  listed: ServerConnection["tools"][number],
  name: string,
  signal: AbortSignal,
): Tool {
  const { $schema: _, ...parameters } = listed.inputSchema;
  return {
    name,
    description: cutText(cleanText(listed.description ?? listed.title ?? ""), maxDescriptionChars),
    parameters,
    prepare(value) {
      // The server validates the rest by its own schema.
      if (value === null || typeof value !== "object" || Array.isArray(value)) {
        throw new ToolProblem("the arguments must be an object");
      }
      const input: Record<string, unknown> = { ...value };
      return {
        about: firstLine(JSON.stringify(input), 200),
        async run() {
          try {
            const result = await connection.call(listed.name, input, signal);
            const text = connection.hideSecrets(renderResult(result));
            return { ok: result.isError !== true, text: cutMiddle(text, keepChars) };
          } catch (error) {
            if (!(error instanceof ServerTrouble)) throw error;
            const text = `Error: the MCP server ${connection.config.name} ${error.message}`;
            return { ok: false, text };
          }
        },
      };
    },
  };
}

function renderResult(result: CallToolResult): string {
  const text = result.content.map(renderPart).join("\n").trim();
  if (text !== "") return text;
  return result.structuredContent ? JSON.stringify(result.structuredContent) : "(no output)";
}

/** Parts that are not text are only named, because the model cannot read them. */
function renderPart(part: CallToolResult["content"][number]): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "image":
    case "audio":
      return `(${part.type}, ${part.mimeType}, not shown)`;
    case "resource_link":
      return `(resource ${part.uri})`;
    case "resource":
      return "text" in part.resource ? part.resource.text : `(resource ${part.resource.uri})`;
  }
}
