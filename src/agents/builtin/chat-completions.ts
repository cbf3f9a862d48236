import type { OpenAI } from "openai";
import type { CallResult, CallUsage, Message, ToolCall, ToolSpec } from "./model.ts";
import { readModelError } from "./model-error.ts";

/**
 * One call over the Chat Completions wire, streamed. The client of the `openai` package sends and
 * parses; whether a reply counts is decided here, because the client ends quietly on a cut or
 * aborted stream: without a finish reason there is no reply. Its own retries are off.
 */
export type ChatCompletionsOptions = {
  apiKey: string;
  /** Null: OpenAI's. */
  baseUrl: string | null;
  model: string;
  /** So long may the server say nothing before the call counts as lost. */
  idleTimeoutMs: number;
  fetch?: typeof fetch;
  /** Called once for each reply that the server finished, also for one that is then thrown away. */
  onUsage: (usage: CallUsage) => void;
};

/** A reply may be this long, arguments included; what is longer is cut and counts as cut. */
const maxReplyChars = 8_000_000;

/** So long may a server that finished its reply keep the numbers to itself. */
const usageTimeoutMs = 5_000;

export type CallOnce = (
  messages: readonly Message[],
  tools: readonly ToolSpec[],
  signal: AbortSignal,
) => Promise<CallResult>;

export async function openChatCompletions(options: ChatCompletionsOptions): Promise<CallOnce> {
  const { apiKey, baseUrl, model, idleTimeoutMs, onUsage } = options;
  const baseURL = baseUrl ?? "https://api.openai.com/v1";
  const problem = findSettingsProblem(apiKey, baseURL);
  if (problem)
    return async () => ({ kind: "failed", failure: "agent_unavailable", detail: problem });
  const { default: Client } = await import("openai"); // here, so that an idle daemon stays small
  const client = new Client({
    apiKey,
    baseURL,
    maxRetries: 0,
    timeout: idleTimeoutMs + 1_000, // ours fires first
    logLevel: "off", // it would print whole payloads
    ...(options.fetch ? { fetch: options.fetch } : {}),
  });

  return async (messages, tools, signal) => {
    const call = new AbortController();
    let ended: "idle" | "aborted" | "too_long" | null = null;
    const stop = (why: typeof ended) => {
      ended ??= why;
      call.abort();
    };
    const onAbort = () => stop("aborted");
    if (signal.aborted) return { kind: "aborted" };
    signal.addEventListener("abort", onAbort, { once: true });
    let idle = setTimeout(() => stop("idle"), idleTimeoutMs);
    const reading = new ReadingReply();
    try {
      let trouble: CallResult | null = null;
      try {
        const stream = await client.chat.completions.create(
          {
            model,
            messages: messages.map(toWire),
            tools: tools.map((tool) => ({ type: "function" as const, function: tool })),
            stream: true,
            stream_options: { include_usage: true },
          },
          { signal: call.signal },
        );
        for await (const chunk of stream) {
          const wasFinished = reading.finish !== null;
          reading.add(chunk);
          if (!wasFinished && reading.finish !== null) {
            clearTimeout(idle); // the reply is whole: only its usage is still to come
            idle = setTimeout(() => stop("idle"), Math.min(idleTimeoutMs, usageTimeoutMs));
          } else idle.refresh();
          if (reading.chars > maxReplyChars) stop("too_long");
        }
      } catch (error) {
        trouble = readModelError(error, { apiKey, baseUrl: baseURL, model });
      }
      if (reading.finish) onUsage(reading.usage);
      if (ended === "aborted") return { kind: "aborted" };
      // What came after the finish reason can no longer spoil the reply.
      if (reading.finish) return reading.result();
      if (ended === "too_long") return reading.result("length");
      if (ended === "idle") {
        return passing(`the model server was silent for ${Math.round(idleTimeoutMs / 1000)} s`);
      }
      return trouble ?? passing("the model's reply ended before it was finished");
    } finally {
      clearTimeout(idle);
      signal.removeEventListener("abort", onAbort);
    }
  };
}

/** What would make every call fail before it is sent; the key itself is never said. */
function findSettingsProblem(apiKey: string, baseUrl: string): string | null {
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    return "OPENAI_API_KEY is empty or holds characters that no key has; correct it";
  }
  if (!/^https?:$/.test(URL.canParse(baseUrl) ? new URL(baseUrl).protocol : "")) {
    return `OPENAI_BASE_URL must be an http or https URL, like https://api.openai.com/v1`;
  }
  return null;
}

function passing(detail: string): CallResult {
  return { kind: "passing", status: null, detail, retryAfterMs: null };
}

/** Puts the chunks of one reply together. */
class ReadingReply {
  finish: string | null = null;
  usage: CallUsage = null;
  chars = 0;
  private text = "";
  private readonly calls: { index: number; id: string; name: string; arguments: string }[] = [];

  add(chunk: OpenAI.ChatCompletionChunk): void {
    if (chunk.usage) {
      this.usage = {
        inputTokens: chunk.usage.prompt_tokens ?? 0,
        cachedInputTokens: chunk.usage.prompt_tokens_details?.cached_tokens ?? 0,
        outputTokens: chunk.usage.completion_tokens ?? 0,
      };
    }
    const choice = chunk.choices?.[0];
    if (!choice) return;
    this.finish = choice.finish_reason ?? this.finish;
    const said = choice.delta?.content ?? choice.delta?.refusal ?? "";
    this.text += said;
    this.chars += said.length;
    for (const delta of choice.delta?.tool_calls ?? []) {
      const index = delta.index ?? 0;
      let call = this.calls.findLast((candidate) => candidate.index === index);
      // Some servers give every call the index 0: another id is another call.
      if (!call || (delta.id && call.id && delta.id !== call.id)) {
        call = { index, id: "", name: "", arguments: "" };
        this.calls.push(call);
      }
      call.id ||= delta.id ?? "";
      call.name ||= delta.function?.name ?? "";
      call.arguments += delta.function?.arguments ?? "";
      this.chars += delta.function?.arguments?.length ?? 0;
    }
  }

  result(finish = this.finish): CallResult {
    const toolCalls: ToolCall[] = this.calls.map(({ id, name, arguments: text }) => ({
      id,
      name,
      arguments: text,
    }));
    return {
      kind: "reply",
      reply: {
        text: this.text,
        toolCalls,
        finish: finish === "length" ? "cut" : finish === "content_filter" ? "withheld" : "whole",
      },
    };
  }
}

function toWire(message: Message): OpenAI.ChatCompletionMessageParam {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.text };
    case "user":
      return { role: "user", content: message.text };
    case "tool":
      return { role: "tool", tool_call_id: message.callId, content: message.text };
    case "assistant":
      return message.toolCalls.length === 0
        ? { role: "assistant", content: message.text }
        : {
            role: "assistant",
            content: message.text || null,
            tool_calls: message.toolCalls.map(({ id, name, arguments: text }) => ({
              id,
              type: "function",
              function: { name, arguments: text },
            })),
          };
  }
}
