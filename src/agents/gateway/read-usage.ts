import { z } from "zod";
import type { Tokens } from "../../core/budget/usage.ts";

/**
 * Reads the usage, as the server counted it, from the answer passing through: three protocols,
 * streamed or whole. Running totals replace each other and are never summed.
 */
export type UsageReader = {
  add(chunk: Uint8Array): void;
  /** Returns what is known at the end; null: the server never finished its answer. */
  finish(): { model: string | null; tokens: Tokens | null } | null;
};

const count = z.number().int().min(0);
const some = count.nullish().transform((value) => value ?? 0);

const openaiUsage = z
  .object({
    input_tokens: count,
    output_tokens: count,
    input_tokens_details: z.object({ cached_tokens: some }).nullish(),
    output_tokens_details: z.object({ reasoning_tokens: some }).nullish(),
  })
  .transform((usage) => ({
    inputTokens: usage.input_tokens,
    cachedInputTokens: usage.input_tokens_details?.cached_tokens ?? 0,
    outputTokens: usage.output_tokens,
    reasoningTokens: usage.output_tokens_details?.reasoning_tokens ?? 0,
  }));

const chatUsage = z
  .object({
    prompt_tokens: count,
    completion_tokens: count,
    prompt_tokens_details: z.object({ cached_tokens: some }).nullish(),
    completion_tokens_details: z.object({ reasoning_tokens: some }).nullish(),
  })
  .transform((usage) => ({
    inputTokens: usage.prompt_tokens,
    cachedInputTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    outputTokens: usage.completion_tokens,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  }));

/** Anthropic counts cached tokens separately; usage comes at the start, the end, or both. */
const messagesUsage = z.object({
  input_tokens: count.nullish(),
  cache_creation_input_tokens: count.nullish(),
  cache_read_input_tokens: count.nullish(),
  output_tokens: count.nullish(),
});

const answerSchema = z.object({
  type: z.string().nullish().catch(null),
  model: z.string().nullish().catch(null),
  usage: z.unknown().optional(),
  response: z
    .object({ model: z.string().nullish(), usage: z.unknown().optional() })
    .nullish()
    .catch(null),
  message: z
    .object({ model: z.string().nullish(), usage: z.unknown().optional() })
    .nullish()
    .catch(null),
  choices: z
    .array(z.object({ finish_reason: z.string().nullish() }))
    .nullish()
    .catch(null),
  stop_reason: z.string().nullish().catch(null),
});

const maxLineBytes = 32 * 1024 * 1024;
/** A whole answer that is longer is not read. */
const maxAnswerChars = 64 * 1024 * 1024;

export function readUsage(isStream: boolean): UsageReader {
  let model: string | null = null;
  let tokens: Tokens | null = null;
  let messages: z.infer<typeof messagesUsage> | null = null;
  let finished = false;
  const decoder = new TextDecoder();
  let rest = "";

  const take = (value: unknown) => {
    const parsed = answerSchema.safeParse(value);
    if (!parsed.success) return;
    const { type, usage, response, message, choices, stop_reason } = parsed.data;
    model = parsed.data.model ?? response?.model ?? message?.model ?? model;
    const openai = openaiUsage.safeParse(response?.usage ?? usage);
    const chat = chatUsage.safeParse(usage);
    const anthropic = messagesUsage.safeParse(message?.usage ?? usage);
    if (type === "message_start" || type === "message_delta" || type === "message") {
      if (anthropic.success) {
        const told = Object.entries(anthropic.data).filter(([, value]) => value != null);
        messages = { ...messages, ...Object.fromEntries(told) };
      }
      finished ||= type === "message_delta" || stop_reason != null;
    } else if (chat.success) tokens = chat.data;
    else if (openai.success) tokens = openai.data;
    finished ||=
      type === "response.completed" ||
      type === "response.incomplete" ||
      (!isStream && (openai.success || chat.success)) ||
      choices?.some(({ finish_reason }) => finish_reason != null) === true;
  };

  const takeJson = (text: string) => {
    try {
      take(JSON.parse(text));
    } catch {
      // The program handles a broken event.
    }
  };

  return {
    add(chunk) {
      rest += decoder.decode(chunk, { stream: true });
      if (!isStream) {
        if (rest.length > maxAnswerChars) rest = ""; // cut off, it is no JSON: as if never finished
        return;
      }
      const lines = rest.split("\n");
      rest = (lines.pop() ?? "").slice(-maxLineBytes);
      for (const line of lines) {
        if (line.startsWith("data:") && line.includes("{")) takeJson(line.slice(5));
      }
    },
    finish() {
      if (rest !== "") takeJson(isStream ? rest.replace(/^data:/, "") : rest);
      if (!finished) return null;
      if (messages) tokens = sumMessages(messages);
      return { model, tokens };
    },
  };
}

function sumMessages(usage: z.infer<typeof messagesUsage>): Tokens {
  const cached = usage.cache_read_input_tokens ?? 0;
  return {
    inputTokens: (usage.input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0) + cached,
    cachedInputTokens: cached,
    outputTokens: usage.output_tokens ?? 0,
    reasoningTokens: 0,
  };
}
