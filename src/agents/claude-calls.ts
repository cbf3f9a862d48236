import { z } from "zod";
import type { Tokens } from "../core/usage.ts";
import type { Said } from "./cli/cli.ts";

/**
 * What Claude Code says of its calls while it works with its own login. With the stream's events each
 * call of the conversation tells at its start what went in, and at its end what came out. The calls of
 * a subagent are told of by their messages alone, with what went in, and its last one by its result,
 * whole; what came out of the others, and a subagent's subagent, is in the bill at the end.
 */
export function makeCallReader(): (line: unknown) => Said[] {
  let open: { model: string; usage: Usage } | null = null;
  const told = new Set<string>();
  /** By the call of the tool that a subagent is, what went into its newest call. */
  const newest = new Map<string, number>();
  return (line) => {
    const event = eventSchema.safeParse(line).data;
    if (event?.type === "user") {
      const { resolvedModel: model, usage } = event.tool_use_result;
      const [{ tool_use_id: tool }] = event.message.content;
      // Its last message comes in this alone; should a version say that one, too, it was counted.
      return newest.get(tool) === sumInput(usage) ? [] : [sayUsage(model, usage, false)];
    }
    if (event?.type === "assistant") {
      const { id, model, usage } = event.message;
      if (event.parent_tool_use_id === null || !usage || told.has(id)) return [];
      if (model === "<synthetic>") return []; // made up by itself
      told.add(id);
      newest.set(event.parent_tool_use_id, sumInput(usage));
      return [sayUsage(model, usage, false)];
    }
    if (event?.event.type === "message_start") {
      const { model, usage } = event.event.message;
      open = { model, usage };
    }
    if (event?.event.type !== "message_delta" || open === null) return [];
    const { model, usage } = open;
    open = null;
    const later = Object.entries(event.event.usage).filter(([, value]) => value != null);
    const isLast = event.event.delta.stop_reason === "end_turn";
    return [sayUsage(model, { ...usage, ...Object.fromEntries(later) }, isLast)];
  };
}

/** Without the date and the size of the context: the stream and the bill name one model in two ways. */
export function modelName(name: string): string {
  return name.replace(/\[.*\]$/, "").replace(/-\d{8}$/, "");
}

const count = z.number().min(0).nullish().catch(null);
const usageSchema = z.object({
  input_tokens: count,
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
  output_tokens: count,
});
type Usage = z.infer<typeof usageSchema>;

const text = z.string().catch("");
const eventSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("stream_event"),
    event: z.discriminatedUnion("type", [
      z.object({
        type: z.literal("message_start"),
        message: z.object({ model: text, usage: usageSchema }),
      }),
      z.object({
        type: z.literal("message_delta"),
        delta: z.object({ stop_reason: z.string().nullish() }),
        usage: usageSchema,
      }),
    ]),
  }),
  z.object({
    type: z.literal("assistant"),
    parent_tool_use_id: z.string().nullable().catch(null),
    message: z.object({ id: text, model: text, usage: usageSchema.nullish().catch(null) }),
  }),
  z.object({
    type: z.literal("user"),
    message: z.object({ content: z.tuple([z.object({ tool_use_id: z.string() })]) }),
    tool_use_result: z.object({
      agentId: z.string(),
      resolvedModel: z.string(),
      usage: usageSchema,
    }),
  }),
]);

function sumInput(usage: Usage): number {
  const { cache_creation_input_tokens: written, cache_read_input_tokens: read } = usage;
  return (usage.input_tokens ?? 0) + (written ?? 0) + (read ?? 0);
}

function sayUsage(model: string, usage: Usage, isLast: boolean): Said {
  const cached = usage.cache_read_input_tokens ?? 0;
  const tokens: Tokens = {
    inputTokens: sumInput(usage),
    cachedInputTokens: cached,
    outputTokens: usage.output_tokens ?? 0,
    reasoningTokens: 0,
  };
  const call = { model: modelName(model), tokens, latencyMs: 0, costUsd: null };
  return { what: "usage", call, isLast };
}
