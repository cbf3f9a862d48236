import { ReplyReader, toWireMessage, toWireTool } from "./chat-wire.ts";
import type { CallResult, CallUsage, Message, ToolSpec } from "./model.ts";
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
  onUsage: (usage: CallUsage, latencyMs: number) => void;
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
    const startedAt = performance.now();
    let ended: "idle" | "aborted" | "too_long" | null = null;
    const stop = (why: typeof ended) => {
      ended ??= why;
      call.abort();
    };
    const onAbort = () => stop("aborted");
    if (signal.aborted) return { kind: "aborted" };
    signal.addEventListener("abort", onAbort, { once: true });
    let idle = setTimeout(() => stop("idle"), idleTimeoutMs);
    const reading = new ReplyReader();
    try {
      let trouble: CallResult | null = null;
      try {
        const stream = await client.chat.completions.create(
          {
            model,
            messages: messages.map(toWireMessage),
            tools: tools.map(toWireTool),
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
      if (reading.finish) onUsage(reading.usage, Math.round(performance.now() - startedAt));
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
