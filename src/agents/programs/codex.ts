import { join } from "node:path";
import { z } from "zod";
import { cutText, firstLine } from "../../core/text/clean-text.ts";
import type { Cli, Said } from "../cli/cli.ts";
import { lendCodex } from "../cli/lendable.ts";
import { findRollout, makeRolloutReader } from "./codex-rollout.ts";

/**
 * OpenAI's Codex, by `codex exec --json`, which streams JSON lines: thread, turn and item events.
 * Its usage is the running total of the whole thread, including resumed processes, and comes at the
 * end of a turn. Usage per call is in the thread's own file (codex-rollout.ts).
 */
export const codex: Cli = {
  name: "codex",
  install: "npm install -g @openai/codex",
  logIn: "codex login",
  protocol: "openai",
  loginFile: ".codex/auth.json",
  loginHosts: ["chatgpt.com", "api.openai.com"],
  lend: lendCodex,
  refuseModel: () => null,

  files: ({ gateway, outputSchema }) => ({
    ".codex/config.toml": `${gateway ? 'model_provider = "deputy"\n' : ""}approval_policy = "never"
check_for_update_on_startup = false
web_search = "disabled"
${gateway ? providerTable(gateway.baseUrl) : ""}
[analytics]
enabled = false
`,
    ...(outputSchema ? { [schemaFile]: JSON.stringify(outputSchema) } : {}),
  }),

  command: ({ mode, confined, model, gateway, home, outputSchema }, { resume }) => {
    const own = mode === "write" ? "workspace-write" : "read-only";
    return {
      args: [
        "exec",
        "--json",
        "--skip-git-repo-check",
        ...(model ? ["-m", model] : []),
        "-s",
        confined ? "danger-full-access" : own,
        ...(resume ? ["resume", resume] : []),
        ...(outputSchema ? ["--output-schema", join(home, schemaFile)] : []),
        "-",
      ],
      env: gateway ? { [keyName]: gateway.key } : {},
    };
  },

  speak: null,
  record: { find: findRollout, makeReader: makeRolloutReader },

  makeReader: () => (line) => {
    const event = eventSchema.safeParse(line).data;
    return event ? readEvent(event) : [];
  },
};

const schemaFile = "answer-schema.json";
const keyName = "DEPUTY_GATEWAY_KEY";

function providerTable(baseUrl: string): string {
  return `
[model_providers.deputy]
name = "deputy"
base_url = ${JSON.stringify(baseUrl)}
wire_api = "responses"
env_key = "${keyName}"
requires_openai_auth = false
supports_websockets = false
request_max_retries = 3
stream_max_retries = 3
`;
}

const text = z.string().catch("");
const count = z.number().int().min(0).catch(0);
const itemSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("agent_message"), text }),
  z.object({
    type: z.literal("command_execution"),
    command: text,
    aggregated_output: text,
    exit_code: z.number().nullish(),
  }),
  z.object({
    type: z.literal("file_change"),
    changes: z.array(z.object({ path: text, kind: text })).catch([]),
    status: text,
  }),
  z.object({ type: z.literal("mcp_tool_call"), server: text, tool: text, status: text }),
  z.object({ type: z.literal("error"), message: text }),
]);
type Item = z.infer<typeof itemSchema>;

const eventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("thread.started"), thread_id: z.string().min(1) }),
  z.object({ type: z.literal("item.started"), item: itemSchema }),
  z.object({ type: z.literal("item.completed"), item: itemSchema }),
  z.object({
    type: z.literal("turn.completed"),
    usage: z.object({
      input_tokens: count,
      cached_input_tokens: count,
      output_tokens: count,
      reasoning_output_tokens: count,
    }),
  }),
  z.object({ type: z.literal("turn.failed"), error: z.object({ message: text }) }),
  z.object({ type: z.literal("error"), message: text }),
]);

function readEvent(event: z.infer<typeof eventSchema>): Said[] {
  switch (event.type) {
    case "thread.started":
      return [{ what: "session", id: event.thread_id }];
    case "item.started":
      return startItem(event.item);
    case "item.completed":
      return completeItem(event.item);
    case "turn.completed": {
      const { usage } = event;
      return [
        {
          what: "total",
          tokens: {
            inputTokens: usage.input_tokens,
            cachedInputTokens: usage.cached_input_tokens,
            outputTokens: usage.output_tokens,
            reasoningTokens: usage.reasoning_output_tokens,
          },
        },
        { what: "finished" },
      ];
    }
    case "turn.failed":
      return [{ what: "failed", message: readable(event.error.message) }];
    case "error":
      // Also sent for every reconnection; only a failed turn is an end.
      return [{ what: "event", event: { kind: "text", text: cutText(event.message, 300) } }];
  }
}

function startItem(item: Item): Said[] {
  const call = (tool: string, summary: string): Said[] => [
    { what: "event", event: { kind: "tool_call", tool, summary: cutText(summary, 300) } },
  ];
  switch (item.type) {
    case "command_execution":
      return call("shell", item.command);
    case "file_change":
      return call("edit", item.changes.map(({ path }) => path).join(", "));
    case "mcp_tool_call":
      return call(`${item.server}.${item.tool}`, "");
    case "agent_message":
    case "error":
      return [];
  }
}

function completeItem(item: Item): Said[] {
  const result = (tool: string, ok: boolean, summary: string): Said[] => [
    { what: "event", event: { kind: "tool_result", tool, ok, summary: firstLine(summary, 300) } },
  ];
  switch (item.type) {
    case "agent_message":
      return [
        { what: "answer", text: item.text },
        { what: "event", event: { kind: "text", text: item.text } },
      ];
    case "command_execution":
      return result("shell", item.exit_code === 0, item.aggregated_output);
    case "file_change":
      return result("edit", item.status === "completed", item.status);
    case "mcp_tool_call":
      return result(`${item.server}.${item.tool}`, item.status === "completed", item.status);
    case "error":
      return [{ what: "event", event: { kind: "text", text: cutText(item.message, 300) } }];
  }
}

/** Extracts a server's error message, which Codex passes on as JSON in a string. */
function readable(message: string): string {
  return cutText(/"message":\s*"([^"]+)"/.exec(message)?.[1] ?? message, 400);
}
