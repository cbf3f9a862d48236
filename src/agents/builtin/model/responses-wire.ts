import type { OpenAI } from "openai";
import { z } from "zod";
import { strictSchema } from "../output-schema.ts";
import type { CallResult, Carried, Message, ModelRequest, ToolSpec } from "./model.ts";
import type { ReplyReader } from "./wire.ts";

/** Converts the transcript and the tools to the Responses API, and a reply's events back. */

type Item = OpenAI.Responses.ResponseInputItem;

export function toInput(message: Message, model: string): Item[] {
  switch (message.role) {
    case "system":
      return []; // goes as `instructions`
    case "user":
      return [{ role: "user", content: message.text }];
    case "tool":
      return [{ type: "function_call_output", call_id: message.callId, output: message.text }];
    case "assistant": {
      const { text, toolCalls, carried } = message;
      const calls = toolCalls.map((call): Item => {
        const { id, name, arguments: args } = call;
        return { type: "function_call", call_id: id, name, arguments: args };
      });
      if (carried?.wire !== "responses" || carried.model !== model) {
        return text ? [{ role: "assistant", content: text }, ...calls] : calls;
      }
      // In the original order; calls come from the transcript, where arguments are always JSON.
      const rest = [...calls];
      const items = carried.items.flatMap((item) =>
        item.type === "function_call" ? rest.splice(0, 1) : [item as unknown as Item],
      );
      return [...items, ...rest];
    }
  }
}

export function toResponsesTool({ name, description, parameters }: ToolSpec) {
  return { type: "function" as const, name, description, parameters, strict: false };
}

export function toTextFormat(schema: NonNullable<ModelRequest["outputSchema"]>) {
  const strict = strictSchema(schema);
  return {
    type: "json_schema" as const,
    name: "answer",
    schema: strict ?? schema,
    strict: strict !== null,
  };
}

const usageSchema = z.object({
  input_tokens: z.number(),
  output_tokens: z.number(),
  input_tokens_details: z
    .object({ cached_tokens: z.number().catch(0) })
    .nullish()
    .catch(null),
  output_tokens_details: z
    .object({ reasoning_tokens: z.number().catch(0) })
    .nullish()
    .catch(null),
});

const itemSchema = z.looseObject({ type: z.string() });

/** Placeholder for a call: its arguments may be megabytes, and the transcript has them. */
const callPlace = { type: "function_call" };

const eventSchema = z.looseObject({
  type: z.string(),
  delta: z.string().optional().catch(undefined),
  item: itemSchema.optional().catch(undefined),
  response: z
    .looseObject({
      output: z.array(itemSchema).catch([]),
      usage: usageSchema.nullish().catch(null),
      error: z.unknown(),
      incomplete_details: z.object({ reason: z.string() }).nullish().catch(null),
    })
    .optional()
    .catch(undefined),
});
type Event = z.infer<typeof eventSchema>;

const partSchema = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  refusal: z.string().optional(),
});
const messageItemSchema = z.looseObject({ content: z.array(partSchema).catch([]) });
const callItemSchema = z.looseObject({
  call_id: z.string().catch(""),
  name: z.string().catch(""),
  arguments: z.string().catch(""),
});

/** Collects the finished items of one reply; deltas only count for its length. */
export class ResponsesReader implements ReplyReader {
  private readonly model: string;
  private readonly items: z.infer<typeof itemSchema>[] = [];
  private end: Event["response"] | null = null;
  private said = 0;

  constructor(model: string) {
    this.model = model;
  }

  add(event: unknown): void {
    // Deltas are nearly all of the events, and only their length is needed.
    const { type, delta } = event as { type?: unknown; delta?: unknown };
    if (typeof delta === "string") this.said += delta.length;
    if (typeof type !== "string" || type.endsWith(".delta")) return;
    if (type === "response.output_item.done") {
      const { item } = eventSchema.parse(event);
      if (item) this.items.push(item);
    } else if (type === "response.completed" || type === "response.incomplete") {
      this.end = eventSchema.parse(event).response ?? null;
    } else if (type === "response.failed") {
      throw eventSchema.parse(event).response?.error ?? new Error("the response failed");
    } else if (type === "error") {
      throw event;
    }
  }

  isFinished(): boolean {
    return this.end !== null;
  }

  usage() {
    const usage = this.end?.usage;
    if (!usage) return null;
    return {
      inputTokens: usage.input_tokens,
      cachedInputTokens: usage.input_tokens_details?.cached_tokens ?? 0,
      outputTokens: usage.output_tokens,
      reasoningTokens: usage.output_tokens_details?.reasoning_tokens ?? 0,
    };
  }

  chars(): number {
    return this.said;
  }

  result(cut = false): CallResult {
    const items = this.end?.output.length ? this.end.output : this.items;
    const parts = items
      .filter(({ type }) => type === "message")
      .flatMap((item) => messageItemSchema.parse(item).content);
    const text = parts.map((part) => part.text ?? "").join("");
    const refusal = parts.map((part) => part.refusal ?? "").join("");
    const toolCalls = items
      .filter(({ type }) => type === "function_call")
      .map((item) => callItemSchema.parse(item))
      .map(({ call_id, name, arguments: args }) => ({ id: call_id, name, arguments: args }));
    const why = this.end?.incomplete_details?.reason;
    const tokens = this.usage();
    return {
      kind: "reply",
      reply: {
        text: text || refusal,
        toolCalls,
        finish:
          why === "content_filter"
            ? "withheld"
            : cut || why !== undefined
              ? "cut"
              : refusal !== "" && text === "" && toolCalls.length === 0
                ? "refused"
                : "whole",
        carried: this.carried(items),
        inputTokens: tokens?.inputTokens ?? null,
      },
    };
  }

  /** The transcript has text and calls; other items are kept unchanged, calls as placeholders. */
  private carried(items: Carried["items"]): Carried | null {
    const isPlain = ({ type, phase }: Record<string, unknown>) =>
      type === "function_call" || (type === "message" && phase === undefined);
    if (items.every(isPlain)) return null;
    const placed = items.map((item) => (item.type === "function_call" ? callPlace : item));
    return { wire: "responses", model: this.model, items: placed };
  }
}
