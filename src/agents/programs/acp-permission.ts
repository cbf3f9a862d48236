import { isAbsolute, relative, resolve } from "node:path";
import type { RequestPermissionRequest } from "@agentclientprotocol/sdk";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import type { AgentRun } from "../agent.ts";

/**
 * Decides on an agent's permission requests. Inside the sandbox, what the mode allows in the
 * worktree is allowed once per request, never "always"; everything else becomes a question to a
 * person. Pure.
 */
const maxQuestionBytes = 16 * 1024;

export type Permission = { kind: "select"; optionId: string } | { kind: "ask" };

const changing = new Set(["edit", "delete", "move", "execute"]);

export function decidePermission(
  { toolCall, options }: RequestPermissionRequest,
  run: Pick<AgentRun, "worktree" | "mode" | "confined">,
): Permission {
  const select = (kind: string): Permission => {
    const option = options.find((candidate) => candidate.kind === kind);
    return option ? { kind: "select", optionId: option.optionId } : { kind: "ask" };
  };
  if (run.mode === "read_only" && changing.has(toolCall.kind ?? "execute")) {
    return select("reject_once");
  }
  const isInside = (toolCall.locations ?? []).every(({ path }) => {
    const way = relative(run.worktree, resolve(run.worktree, path));
    return !way.startsWith("..") && !isAbsolute(way);
  });
  return run.confined && isInside ? select("allow_once") : { kind: "ask" };
}

export function writePermissionQuestion({ toolCall }: RequestPermissionRequest): string {
  const paths = (toolCall.locations ?? []).map(({ path }) => path);
  const where = paths.length > 0 ? ` (${paths.join(", ")})` : "";
  // The title is the agent's own wording; the input shows what it would run.
  const input =
    toolCall.rawInput === undefined ? "" : `\n\nIts input: ${JSON.stringify(toolCall.rawInput)}`;
  return cleanOutsideText(
    `The agent asks for permission: ${toolCall.title ?? "a tool call"}${where}. What should it do?${input}`,
    maxQuestionBytes,
  );
}
