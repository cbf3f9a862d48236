import { z } from "zod";
import { cutText, firstLine } from "../../core/text/clean-text.ts";
import type { Cli, Said } from "../cli/cli.ts";
import { lendClaude } from "../cli/lendable.ts";
import { makeCallReader, modelName } from "./claude-calls.ts";

/**
 * Anthropic's Claude Code, by `claude -p --output-format stream-json`. Messages stream as they are
 * made, with partial usage; the `result` of a turn has the sums by model of all turns of the
 * process. With its own login the stream's events are requested too (claude-calls.ts). It reads its
 * stdin while it works, so that a person's messages reach it. An API error also comes as a result,
 * even as a "successful" one, so `is_error` decides.
 */
export const claude: Cli = {
  name: "claude",
  install: "npm install -g @anthropic-ai/claude-code",
  logIn: "claude /login",
  protocol: "anthropic",
  loginFile: ".claude/.credentials.json",
  loginHosts: ["api.anthropic.com"],
  lend: lendClaude,
  refuseModel: () => null,

  files: () => ({}),

  command: ({ mode, confined, model, gateway, outputSchema }, { resume }) => ({
    args: [
      "-p",
      "--output-format",
      "stream-json",
      "--verbose",
      "--input-format",
      "stream-json",
      "--replay-user-messages",
      // The repository's settings could run hooks and start servers.
      "--setting-sources",
      "user",
      "--strict-mcp-config",
      ...(mode === "write" || confined ? ["--dangerously-skip-permissions"] : []),
      ...(mode === "read_only" ? ["--tools", "Read,Grep,Glob"] : []),
      ...(outputSchema ? ["--json-schema", JSON.stringify(outputSchema)] : []),
      ...(gateway ? [] : ["--include-partial-messages"]),
      ...(model && !gateway ? ["--model", model] : []),
      ...(resume ? ["--resume", resume] : []),
    ],
    env: {
      IS_SANDBOX: "1",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      CLAUDE_CODE_MAX_RETRIES: "3",
      DISABLE_AUTOUPDATER: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_ERROR_REPORTING: "1",
      ...(model && gateway ? { ANTHROPIC_MODEL: model } : {}),
      ...(gateway ? { ANTHROPIC_BASE_URL: gateway.baseUrl, ANTHROPIC_API_KEY: gateway.key } : {}),
    },
  }),

  record: null,
  speak: (message) =>
    JSON.stringify({
      type: "user",
      message: { role: "user", content: [{ type: "text", text: message }] },
    }),

  makeReader: () => {
    const readCall = makeCallReader();
    let error: string | null = null;
    return (line) => {
      const event = eventSchema.safeParse(line).data;
      if (event?.type === "assistant") error = event.error;
      return [...readCall(line), ...(event ? readEvent(event, error) : [])];
    };
  },
};

const text = z.string().catch("");
const count = z.number().min(0).catch(0);

const blockSchema = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("tool_use"), name: z.string(), input: z.unknown().optional() }),
  z.object({
    type: z.literal("tool_result"),
    content: z.unknown().optional(),
    is_error: z.boolean().nullish(),
  }),
  z.unknown().transform(() => ({ type: "other" as const })),
]);
const blocks = z.union([
  z.array(blockSchema),
  z.string().transform((said) => [{ type: "text" as const, text: said }]),
]);

const modelUsageSchema = z.object({
  inputTokens: count,
  outputTokens: count,
  cacheReadInputTokens: count,
  cacheCreationInputTokens: count,
  costUSD: z.number().nullish().catch(null),
});

const eventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("system"), subtype: text, session_id: text }),
  z.object({
    type: z.literal("assistant"),
    message: z.object({ model: text, content: blocks }),
    /** The kind of error that the message stands for. */
    error: z
      .string()
      .nullish()
      .catch(null)
      .transform((error) => error ?? null),
  }),
  z.object({
    type: z.literal("user"),
    message: z.object({ content: blocks }),
    isReplay: z.boolean().catch(false),
  }),
  z.object({
    type: z.literal("rate_limit_event"),
    rate_limit_info: z.object({
      status: text,
      resetsAt: z.number().positive().nullish().catch(null),
      isUsingOverage: z.boolean().nullish().catch(null),
    }),
  }),
  z.object({
    type: z.literal("result"),
    subtype: text,
    is_error: z.boolean().catch(false),
    result: z.string().nullish().catch(null),
    errors: z.array(z.string()).nullish().catch(null),
    duration_api_ms: count,
    structured_output: z.unknown().optional(),
    modelUsage: z.record(z.string(), modelUsageSchema).catch({}),
  }),
]);
type ResultEvent = Extract<z.infer<typeof eventSchema>, { type: "result" }>;

function readEvent(event: z.infer<typeof eventSchema>, error: string | null): Said[] {
  switch (event.type) {
    case "system":
      return event.subtype === "init" && event.session_id !== ""
        ? [{ what: "session", id: event.session_id }]
        : [];
    case "assistant":
      return readMessage(event.message);
    case "user":
      // A message sent while a tool runs is replayed when the model is about to see it.
      if (event.isReplay) return [{ what: "taken" }];
      return event.message.content.flatMap((block): Said[] =>
        block.type === "tool_result"
          ? [
              {
                what: "event",
                event: {
                  kind: "tool_result",
                  tool: "tool",
                  ok: block.is_error !== true,
                  summary: firstLine(say(block.content), 300),
                },
              },
            ]
          : [],
      );
    case "result":
      return readResult(event, error);
    case "rate_limit_event": {
      const { isUsingOverage, resetsAt, status } = event.rate_limit_info;
      if (status !== "rejected" || isUsingOverage) return [{ what: "limit", reached: null }];
      // Usually Unix seconds; larger values are milliseconds.
      const ms = resetsAt ? resetsAt * (resetsAt < 1e11 ? 1_000 : 1) : null;
      return [{ what: "limit", reached: { resetsAt: ms === null ? null : new Date(ms) } }];
    }
  }
}

type Message = Extract<z.infer<typeof eventSchema>, { type: "assistant" }>["message"];

function readMessage({ model, content }: Message): Said[] {
  // Messages that Claude Code generates, such as "Not logged in", are not the model's answer.
  if (model === "<synthetic>") return [];
  return content.flatMap((block): Said[] => {
    if (block.type === "tool_use") {
      const summary = cutText(say(block.input), 300);
      return [{ what: "event", event: { kind: "tool_call", tool: block.name, summary } }];
    }
    return block.type === "text" && block.text.trim() !== ""
      ? [{ what: "event", event: { kind: "text", text: block.text } }]
      : [];
  });
}

/** Its names for errors of the account and the server. */
const causes: Readonly<Record<string, "limit" | "credit" | "login" | "busy">> = {
  rate_limit: "limit",
  billing_error: "credit",
  authentication_failed: "login",
  overloaded: "busy",
  server_error: "busy",
};

function readResult(event: ResultEvent, error: string | null): Said[] {
  const calls = Object.entries(event.modelUsage).map(([name, used], index) => ({
    model: modelName(name),
    tokens: {
      inputTokens: used.inputTokens + used.cacheReadInputTokens + used.cacheCreationInputTokens,
      cachedInputTokens: used.cacheReadInputTokens,
      outputTokens: used.outputTokens,
      reasoningTokens: 0,
    },
    // One duration covers all of them.
    latencyMs: index === 0 ? event.duration_api_ms : 0,
    costUsd: used.costUSD ?? null,
  }));
  const bill: Said = { what: "bill", calls };
  if (event.is_error || event.subtype !== "success") {
    const words = event.errors?.join("; ") || event.result || event.subtype;
    const because = causes[error ?? ""];
    return [bill, { what: "failed", message: cutText(words, 400), ...(because && { because }) }];
  }
  return [
    bill,
    ...(event.structured_output === undefined
      ? []
      : [{ what: "output" as const, value: event.structured_output }]),
    { what: "answer", text: event.result ?? "" },
    { what: "finished" },
  ];
}

function say(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}
