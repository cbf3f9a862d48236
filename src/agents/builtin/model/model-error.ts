import { z } from "zod";
import { cleanText, cutText } from "../../../core/text/clean-text.ts";
import type { CallResult } from "./model.ts";

/**
 * Classifies an error of a model call: transient (busy, broken, cut: retry), a usage limit that
 * ends at a known time, a problem for a person (key, address, model, money), or a fault of this
 * very request. The message never contains the key, even if the server repeats it.
 */
export type ServerContext = { apiKey: string; baseUrl: string; model: string };

export function readModelError(
  error: unknown,
  context: ServerContext,
  now = Date.now(),
): CallResult {
  const { status, message, codes, headers, resetsAt } = describe(error, context.apiKey, now);
  const server = `the model server ${hostOf(context.baseUrl)}`;
  const said = message ? `: ${message}` : "";
  const retryAfterMs = readRetryAfter(headers, now);
  const unavailable = (detail: string): CallResult => ({
    kind: "failed",
    failure: "agent_unavailable",
    detail: `${detail}${said}`,
    retryAt: null,
  });

  if (
    codes.includes("context_length_exceeded") ||
    status === 413 ||
    ((status === 400 || status === null) && contextWords.test(message))
  ) {
    const detail = `the conversation no longer fits into the context of the model${said}`;
    return { kind: "too_long", detail };
  }
  const isRejected = headers?.get("anthropic-ratelimit-unified-status") === "rejected";
  if (isRejected || codes.some((code) => limitCodes.has(code))) {
    const retryAt = resetsAt ?? (retryAfterMs === null ? null : new Date(now + retryAfterMs));
    const until = retryAt ? `; it resets at ${retryAt.toISOString()}` : "";
    const detail = `${server} says that the usage limit is reached${said}${until}`;
    return { kind: "failed", failure: "rate_limit_window", detail, retryAt };
  }
  if (codes.includes("insufficient_quota") || status === 402) {
    return unavailable(`${server} says that the account has no credit left`);
  }
  if (status === 401 || status === 403) {
    return unavailable(`${server} refused the API key (${status}); check OPENAI_API_KEY`);
  }
  const invalid = status === null && codes.some((code) => code.startsWith("invalid_"));
  const passes = status === null || status >= 500 || passingStatuses.has(status);
  if (!passes || invalid || status === 501) {
    const unknown = status === 404;
    return {
      kind: "refused",
      status: status ?? 0,
      said: [...codes, message].join(" "),
      failure: unknown ? "agent_unavailable" : "agent_failed",
      detail: unknown
        ? `${server} knows no model "${context.model}" at this address (404); check OPENAI_BASE_URL and DEPUTY_MODEL${said}`
        : `${server} refused the request${status === null ? "" : ` (${status})`}${said}`,
    };
  }
  return {
    kind: "passing",
    isSilence: false,
    status,
    detail:
      status === null
        ? `the connection to ${server} broke${said}`
        : `${server} answered ${status}${said}`,
    retryAfterMs: retryAfterMs ?? (resetsAt ? Math.max(0, resetsAt.getTime() - now) : null),
  };
}

const passingStatuses = new Set([408, 409, 425, 429]);
const limitCodes = new Set(["usage_limit_reached", "usage_limit_exceeded", "usage_not_included"]);
const contextWords =
  /context (?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens/i;

const seconds = z.coerce.number().positive().max(1e11).optional().catch(undefined);

/** The client's errors carry these and the body; broken connections carry a `cause`. */
const errorSchema = z.object({
  status: z.number().optional().catch(undefined),
  message: z.string().catch(""),
  code: z.string().optional().catch(undefined),
  type: z.string().optional().catch(undefined),
  headers: z.instanceof(Headers).optional().catch(undefined),
  error: z.object({ resets_at: seconds, resets_in_seconds: seconds }).optional().catch(undefined),
  cause: z
    .object({
      message: z.string(),
      cause: z.object({ message: z.string() }).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

function describe(error: unknown, apiKey: string, now: number) {
  const { status, message, code, type, headers, cause, error: body } = errorSchema.parse(error);
  const words = [message, cause?.message, cause?.cause?.message].filter(Boolean).join(": ");
  const text = cleanText(words).replace(/\s+/g, " ").trim();
  const { resets_at: at, resets_in_seconds: inSeconds } = body ?? {};
  const told = at ?? Number(headers?.get("anthropic-ratelimit-unified-reset") ?? Number.NaN);
  const resetsAt = told > 0 && told < 1e11 ? new Date(told * 1_000) : null;
  return {
    status: status ?? null,
    message: cutText(apiKey ? text.replaceAll(apiKey, "[key]") : text, 300),
    codes: [code, type].filter((word) => word !== undefined),
    headers: headers ?? null,
    resetsAt: resetsAt ?? (inSeconds ? new Date(now + inSeconds * 1_000) : null),
  };
}

/** Returns how long the server asks to wait, in ms; null if the header is missing or invalid. */
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
