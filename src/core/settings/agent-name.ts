/**
 * How a task names its agent: the builtin one, a known program, `acp:<command>` for any program
 * that speaks the Agent Client Protocol, or `command:<shell command>`.
 */
export const cliNames = ["codex", "claude", "opencode"] as const;
export type CliName = (typeof cliNames)[number];

export type AgentName =
  | { kind: "builtin" }
  | { kind: CliName }
  | { kind: "acp"; command: string }
  | { kind: "command"; command: string };

/**
 * Parse an agent name. Returns null if it is invalid; the caller reports which field it came from.
 */
export function parseAgentName(text: string): AgentName | null {
  if (text === "builtin") return { kind: "builtin" };
  const cli = cliNames.find((name) => name === text);
  if (cli) return { kind: cli };
  const [, kind, command = ""] = /^(acp|command):([\s\S]*)$/.exec(text) ?? [];
  if (command.trim() === "") return null;
  return { kind: kind === "acp" ? "acp" : "command", command: command.trim() };
}

export const agentNameHelp =
  'use "builtin", "codex", "claude", "opencode", "acp:<program and arguments>" or "command:<program and arguments>"';
