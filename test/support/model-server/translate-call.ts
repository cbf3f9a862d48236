import { join } from "node:path";
import { asObject, asText } from "./json.ts";
import type { Call, Json, OfferedTool } from "./scenario.ts";

/**
 * An abstract call in the words of the agent that asks: which of its tools does it, and what that tool
 * calls its arguments, read from the schemas in the request. What an agent has no tool for goes
 * through its shell, and changes to files through its patch tool.
 */
export type TranslatedCall = {
  name: string;
  namespace: string | null;
  kind: OfferedTool["kind"];
  arguments: string;
};

/** Null: `finish` for an agent that ends with a text. */
export function translateCall(
  call: Call,
  tools: readonly OfferedTool[],
  workdir: string | null,
): TranslatedCall | null {
  const find = (...names: string[]) => tools.find(({ name }) => names.includes(name)) ?? null;
  const asIs = () => say(find(call.tool) ?? unknownTool(call.tool), call.args);
  if (typeof call.args === "string") return asIs();
  const text = (name: string) => asText(asObject(call.args)[name]);
  const inShell = (command: string) => runInShell(command, find) ?? asIs();
  const path = text("path");
  const withPath = (tool: OfferedTool, more: Json = {}) => {
    const key = ["file_path", "filePath", "path"].find((name) => properties(tool)[name]) ?? "path";
    // Only the tools that call it `path` take it from their own folder.
    const value = key === "path" ? path : join(workdir ?? "/", path);
    return say(tool, { [key]: value, ...more });
  };

  switch (call.tool) {
    case "bash":
      return inShell(text("command"));
    case "read": {
      const tool = find("read", "Read");
      return tool ? withPath(tool) : inShell(`cat ${quote(path)}`);
    }
    case "search": {
      const [pattern, where] = [text("pattern"), path || "."];
      const tool = find("search", "Grep", "grep");
      return tool
        ? say(tool, { pattern, ...(path ? { path } : {}) })
        : inShell(`grep -rnE ${quote(pattern)} ${quote(where)}`);
    }
    case "edit": {
      const [before, after] = [text("old"), text("new")];
      const tool = find("edit", "Edit");
      if (tool) return withPath(tool, editArguments(tool, before, after));
      const change = `*** Update File: ${path}\n@@\n${prefix("-", before)}${prefix("+", after)}`;
      return applyPatch(change, find) ?? asIs();
    }
    case "write": {
      const content = text("content");
      const tool = find("write", "Write");
      if (tool) return withPath(tool, { content });
      return applyPatch(`*** Add File: ${path}\n${prefix("+", content)}`, find) ?? asIs();
    }
    case "finish": {
      const tool = find("finish");
      return tool ? say(tool, call.args) : null;
    }
    default:
      return asIs();
  }
}

type Find = (...names: string[]) => OfferedTool | null;

function runInShell(command: string, find: Find): TranslatedCall | null {
  const tool = find("bash", "Bash", "exec_command", "shell_command", "shell", "exec");
  if (!tool) return null;
  if (tool.name === "exec") {
    return say(
      tool,
      `const r = await tools.exec_command({ cmd: ${JSON.stringify(command)} });\ntext(r.output ?? JSON.stringify(r));`,
    );
  }
  const takes = properties(tool);
  if (takes.cmd) return say(tool, { cmd: command });
  if (asObject(takes.command).type === "array") {
    return say(tool, { command: ["bash", "-c", command] });
  }
  return say(tool, { command, ...(takes.description ? { description: "Run a command" } : {}) });
}

function applyPatch(change: string, find: Find): TranslatedCall | null {
  const patch = `*** Begin Patch\n${change}*** End Patch\n`;
  const tool = find("apply_patch");
  if (tool?.kind === "custom") return say(tool, patch);
  if (tool) return say(tool, { [properties(tool).patchText ? "patchText" : "input"]: patch });
  const exec = find("exec");
  if (exec) {
    return say(
      exec,
      `const r = await tools.apply_patch(${JSON.stringify(patch)});\ntext(typeof r === "string" ? r : JSON.stringify(r));`,
    );
  }
  return runInShell(`apply_patch <<'END_OF_PATCH'\n${patch}END_OF_PATCH`, find);
}

/** Each agent has its own words for before and after. */
function editArguments(tool: OfferedTool, before: string, after: string): Json {
  const takes = properties(tool);
  if (takes.edits) return { edits: [{ oldText: before, newText: after }] };
  const names = [
    ["old_text", "new_text"],
    ["old_string", "new_string"],
    ["oldString", "newString"],
  ] as const;
  const [old, fresh] = names.find(([name]) => takes[name]) ?? ["old", "new"];
  return { [old]: before, [fresh]: after };
}

function say(tool: OfferedTool, args: Json | string): TranslatedCall {
  const { name, namespace, kind } = tool;
  return {
    name,
    namespace,
    kind,
    arguments: typeof args === "string" ? args : JSON.stringify(args),
  };
}

function unknownTool(name: string): OfferedTool {
  return { name, kind: "function", parameters: {}, namespace: null };
}

function properties(tool: OfferedTool): Json {
  return asObject(tool.parameters.properties);
}

function prefix(sign: string, text: string): string {
  const lines = text.replace(/\n$/, "").split("\n");
  return text === "" ? "" : lines.map((line) => `${sign}${line}\n`).join("");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
