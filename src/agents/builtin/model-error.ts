import { z } from "zod";
import { cleanText, cutText } from "../clean-text.ts";
import type { CallResult } from "./model.ts";

/**
 * What an error of a model call means. Three classes: it may pass (busy, broken, cut: try again),
 * it needs a person (key, address, model, money), or it is about this very conversation.
 * The key never gets into the words, even when the server repeats it.
 */
export function readModelError(
  error: unknown,
  context: { apiKey: string; baseUrl: string; model: string },
): CallResult {
  const { status, message, codes, headers } = describe(error, context.apiKey);
  const server = `the model server ${hostOf(context.baseUrl)}`;
  const said = message ? `: ${message}` : "";

  if (
    codes.includes("context_length_exceeded") ||
    status === 413 ||
    ((status === 400 || status === null) && contextWords.test(message))
  ) {
    return failed(
      "agent_failed",
      `the conversation no longer fits into the context of the model${said}`,
    );
  }
  if (codes.includes("insufficient_quota") || status === 402) {
    return failed("agent_unavailable", `${server} says that the account has no credit left${said}`);
  }
  if (status === 401 || status === 403) {
    return failed(
      "agent_unavailable",
      `${server} refused the API key (${status}); check OPENAI_API_KEY${said}`,
    );
  }
  if (status === 404) {
    return failed(
      "agent_unavailable",
      `${server} knows no model "${context.model}" at this address (404); check OPENAI_BASE_URL and DEPUTY_MODEL${said}`,
    );
  }
  if (status !== null && status < 500 && !passingStatuses.has(status)) {
    return failed("agent_failed", `${server} refused the request (${status})${said}`);
  }
  return {
    kind: "passing",
    status,
    detail:
      status === null
        ? `the connection to ${server} broke${said}`
        : `${server} answered ${status}${said}`,
    retryAfterMs: readRetryAfter(headers, Date.now()),
  };
}

const passingStatuses = new Set([408, 409, 425, 429]);
const contextWords =
  /context (?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens/i;

function failed(failure: "agent_failed" | "agent_unavailable", detail: string): CallResult {
  return { kind: "failed", failure, detail };
}

/** The client's errors carry `status`, `code`, `type`, `headers`; broken connections a `cause`. */
const errorSchema = z.object({
  status: z.number().optional().catch(undefined),
  message: z.string().catch(""),
  code: z.string().optional().catch(undefined),
  type: z.string().optional().catch(undefined),
  headers: z.instanceof(Headers).optional().catch(undefined),
  cause: z
    .object({
      message: z.string(),
      cause: z.object({ message: z.string() }).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

function describe(error: unknown, apiKey: string) {
  const { status, message, code, type, headers, cause } = errorSchema.parse(error);
  const words = [message, cause?.message, cause?.cause?.message].filter(Boolean).join(": ");
  const text = cleanText(words).replace(/\s+/g, " ").trim();
  return {
    status: status ?? null,
    message: cutText(apiKey ? text.replaceAll(apiKey, "[key]") : text, 300),
    codes: [code, type],
    headers: headers ?? null,
  };
}

/** How long the server asks to wait: seconds or a date; null when it does not say, or nonsense. */
export function readRetryAfter(headers: Headers | null, now: number): number | null {
  const milliseconds = headers?.get("retry-after-ms")?.trim();
  if (milliseconds && /^\d+(\.\d+)?$/.test(milliseconds)) return Number(milliseconds);
  const text = headers?.get("retry-after")?.trim();
  if (!text) return null;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  if (/^-/.test(text)) return null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "";
}
