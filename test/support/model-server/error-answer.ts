import type { Fault, Json, Wire } from "./scenario.ts";

/** An error answer in the format of the API that was asked. */
export type ErrorAnswer = { status: number; headers: Record<string, string>; body: Json };

export function errorAnswer(
  wire: Wire,
  status: number,
  error: { type: string; message: string; code?: string | null; more?: Json },
  headers: Record<string, string> = {},
): ErrorAnswer {
  const { type, message, code = null, more = {} } = error;
  const body =
    wire === "messages"
      ? { type: "error", error: { type, message }, request_id: "req_scripted" }
      : { error: { message, type, param: null, code, ...more } };
  return { status, headers, body };
}

/** The faults that are an answer of their own; null for those that lie in a reply or in its stream. */
export function faultAnswer(wire: Wire, fault: Fault, stream: boolean): ErrorAnswer | null {
  const isMessages = wire === "messages";
  switch (fault.kind) {
    case "rate_limit": {
      const type = isMessages ? "rate_limit_error" : "requests";
      const message = "Rate limit reached for requests. Please try again later.";
      return errorAnswer(
        wire,
        429,
        { type, message, code: "rate_limit_exceeded" },
        fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) },
      );
    }
    case "server_error":
      return serverError(wire, "Internal server error");
    case "error_event":
      // There is no stream to put an event into.
      return stream ? null : serverError(wire, fault.message ?? "Internal server error");
    case "overloaded":
      return errorAnswer(wire, 529, { type: "overloaded_error", message: "Overloaded" });
    case "context_length":
      // A stream of the Responses API has begun by then: see send-reply.ts.
      return wire === "responses" && stream ? null : contextLength(wire);
    case "usage_limit":
      return usageLimit(wire, fault.resetsAt);
    case "insufficient_quota":
      return isMessages
        ? errorAnswer(wire, 400, {
            type: "invalid_request_error",
            message: "Your credit balance is too low to access the Anthropic API.",
          })
        : errorAnswer(wire, 429, {
            type: "insufficient_quota",
            code: "insufficient_quota",
            message: "You exceeded your current quota, please check your plan and billing details.",
          });
    case "status":
      return errorAnswer(
        wire,
        fault.status,
        {
          type: isMessages ? "api_error" : "scripted_error",
          message: fault.message ?? "scripted trouble",
          code: fault.code ?? null,
        },
        fault.headers,
      );
    default:
      return null;
  }
}

function serverError(wire: Wire, message: string): ErrorAnswer {
  const type = wire === "messages" ? "api_error" : "server_error";
  return errorAnswer(wire, 500, { type, message });
}

export const contextLengthError = {
  code: "context_length_exceeded",
  message: "Your input exceeds the context window of this model. Please adjust your input.",
};

function contextLength(wire: Wire): ErrorAnswer {
  return wire === "messages"
    ? errorAnswer(wire, 400, {
        type: "invalid_request_error",
        message: "prompt is too long: 210000 tokens > 200000 maximum",
      })
    : errorAnswer(wire, 400, { type: "invalid_request_error", ...contextLengthError });
}

/** As the plans of codex and of claude say it; both name the time in unix seconds. */
function usageLimit(wire: Wire, resetsAt: number): ErrorAnswer {
  if (wire === "messages") {
    return errorAnswer(
      wire,
      429,
      {
        type: "rate_limit_error",
        message: "This request would exceed your account's rate limit. Please try again later.",
      },
      {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
        "anthropic-ratelimit-unified-reset": String(resetsAt),
        "x-should-retry": "false",
      },
    );
  }
  const inS = Math.max(0, resetsAt - Math.floor(Date.now() / 1_000));
  return errorAnswer(wire, 429, {
    type: "usage_limit_reached",
    message: "The usage limit has been reached",
    more: { plan_type: "pro", resets_at: resetsAt, resets_in_seconds: inS },
  });
}
