import { z } from "zod";
import { cutText, firstLine } from "../../core/text/clean-text.ts";
import type { Cli, Said } from "../cli/cli.ts";
import { lendOpencode } from "../cli/lendable.ts";

/**
 * opencode, by `opencode run --format json`. Each step is one model call and reports its usage. A
 * title is passed because generating one would be an unreported call. opencode retries failing
 * calls without limit; the gateway sets one.
 */
export const opencode: Cli = {
  name: "opencode",
  install: "npm install -g opencode-ai",
  logIn: "opencode auth login",
  protocol: "openai",
  loginFile: ".local/share/opencode/auth.json",
  loginHosts: [], // the person chose the provider: set in sandbox.network.agent
  lend: lendOpencode,
  refuseModel: (model) =>
    /^[^/]+\/./.test(model)
      ? null
      : `opencode with its own login takes a model as provider/model, and "${model}" names no provider: correct \`model\` of the role (\`opencode models\` lists them), or leave it out for opencode's own choice.`,

  files: ({ mode, model, gateway }) => ({
    ".config/opencode/opencode.json": JSON.stringify(
      {
        autoupdate: false,
        share: "disabled",
        snapshot: false,
        permission: mode === "write" ? { "*": "allow" } : readOnly,
        ...(gateway && model ? makeProvider(gateway.baseUrl, model) : {}),
      },
      null,
      2,
    ),
  }),

  command: ({ model, gateway }, { resume }) => ({
    args: [
      "run",
      "--format",
      "json",
      "--auto",
      "--pure",
      ...(model ? ["-m", gateway ? `deputy/${model}` : model] : []),
      // Its last message alone does not reveal an unknown model.
      ...(gateway ? [] : ["--print-logs", "--log-level", "ERROR"]),
      ...(resume ? ["--session", resume] : ["--title", "task"]),
    ],
    env: opencodeEnvironment(gateway),
  }),

  speak: null,
  record: null,

  makeReader: (model) => (line) => {
    const event = eventSchema.safeParse(line).data;
    if (!event) return [];
    return [{ what: "session", id: event.sessionID }, ...readEvent(event, model ?? "opencode")];
  },

  explain: (output) => /\berror="Provider\w*Error: ([^"\\]+)/.exec(output)?.[1] ?? null,
};

/** Used for its ACP mode too. */
function opencodeEnvironment(gateway: { key: string } | null): Record<string, string> {
  return {
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
    ...(gateway ? { DEPUTY_GATEWAY_KEY: gateway.key } : {}),
  };
}

const readOnly = { "*": "deny", read: "allow", grep: "allow", glob: "allow", list: "allow" };

function makeProvider(baseUrl: string, model: string) {
  const name = `deputy/${model}`;
  return {
    model: name,
    small_model: name,
    enabled_providers: ["deputy"],
    provider: {
      deputy: {
        npm: "@ai-sdk/openai-compatible",
        name: "deputy",
        options: { baseURL: baseUrl, apiKey: "{env:DEPUTY_GATEWAY_KEY}" },
        models: {
          [model]: { name: model, tool_call: true, limit: { context: 200_000, output: 32_000 } },
        },
      },
    },
  };
}

const text = z.string().catch("");
const count = z.number().min(0).catch(0);
const sessionID = z.string().min(1);

const eventSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("tool_use"),
    sessionID,
    part: z.object({
      tool: text,
      state: z.object({
        status: text,
        input: z.unknown().optional(),
        output: text,
        error: text,
        title: text,
      }),
    }),
  }),
  z.object({ type: z.literal("text"), sessionID, part: z.object({ text }) }),
  z.object({
    type: z.literal("step_finish"),
    sessionID,
    part: z.object({
      reason: text,
      cost: z.number().nullish().catch(null),
      tokens: z.object({
        input: count,
        output: count,
        reasoning: count,
        cache: z.object({ read: count, write: count }).catch({ read: 0, write: 0 }),
      }),
    }),
  }),
  z.object({ type: z.literal("step_start"), sessionID }),
  z.object({
    type: z.literal("error"),
    sessionID,
    error: z.object({
      name: text,
      data: z
        .object({
          message: text,
          statusCode: z.number().nullish().catch(null),
          responseHeaders: z.record(z.string(), z.string()).catch({}),
          responseBody: text,
        })
        .catch({ message: "", statusCode: null, responseHeaders: {}, responseBody: "" }),
    }),
  }),
]);

function readEvent(event: z.infer<typeof eventSchema>, model: string): Said[] {
  switch (event.type) {
    case "step_start":
      return [];
    case "tool_use": {
      const { tool, state } = event.part;
      const ok = state.status === "completed";
      const input = cutText(state.title || JSON.stringify(state.input ?? ""), 300);
      const summary = firstLine(ok ? state.output : state.error, 300);
      return [
        { what: "event", event: { kind: "tool_call", tool, summary: input } },
        { what: "event", event: { kind: "tool_result", tool, ok, summary } },
      ];
    }
    case "text":
      return [
        { what: "answer", text: event.part.text },
        { what: "event", event: { kind: "text", text: event.part.text } },
      ];
    case "step_finish":
      return finishStep(event.part, model);
    case "error": {
      const { message, responseBody, responseHeaders, statusCode } = event.error.data;
      const wait = responseHeaders["retry-after"];
      // Only the reset time is taken from the body: the rest repeats the message and the id.
      const resets = /"resets_(?:at|in_seconds)":\s*\d+/.exec(responseBody)?.[0];
      const facts = [
        statusCode ? `status ${statusCode}` : "",
        wait ? `Retry-After: ${wait}` : "",
        resets?.replaceAll('"', "") ?? "",
      ].filter((fact) => fact !== "");
      const more = facts.length > 0 ? ` (${facts.join(", ")})` : "";
      return [{ what: "failed", message: `${message || event.error.name}${more}` }];
    }
  }
}

type Step = Extract<z.infer<typeof eventSchema>, { type: "step_finish" }>["part"];

function finishStep({ reason, cost, tokens }: Step, model: string): Said[] {
  const { input, output, reasoning, cache } = tokens;
  const call = {
    model,
    tokens: {
      inputTokens: input + cache.read + cache.write,
      cachedInputTokens: cache.read,
      outputTokens: output + reasoning,
      reasoningTokens: reasoning,
    },
    latencyMs: 0,
    // opencode reports 0 for a model without a known price.
    costUsd: cost === null || cost === undefined || cost === 0 ? null : cost,
  };
  const isLast = reason !== "tool-calls";
  return [{ what: "usage", call, isLast }, ...(isLast ? [{ what: "finished" as const }] : [])];
}
