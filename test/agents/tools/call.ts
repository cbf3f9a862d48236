import type { Tool } from "../../../src/agents/builtin/tools/tool.ts";
import { callTool } from "../../../src/agents/builtin/tools/tool.ts";

/** Call a tool as the loop does, and return what the model reads. */
export async function call(tool: Tool, args: Record<string, unknown>): Promise<string> {
  const made = { id: "call_1", name: tool.name, arguments: JSON.stringify(args) };
  return (await callTool([tool], made, () => {})).text;
}
