/**
 * How a task names its agent: `builtin`, or `command:<shell command>`.
 * (codex, claude, opencode and acp join this list with their adapters.)
 */
export type AgentName = { kind: "builtin" } | { kind: "command"; command: string };

/** Parse an agent name. Returns null for what is no agent; the caller says which field it came from. */
export function parseAgentName(text: string): AgentName | null {
  if (text === "builtin") return { kind: "builtin" };
  if (text.startsWith("command:") && text.slice(8).trim() !== "") {
    return { kind: "command", command: text.slice(8).trim() };
  }
  return null;
}

export const agentNameHelp = 'use "builtin" or "command:<program and arguments>"';
