import { z } from "zod";
import type { FailureKind } from "../../core/task/failure.ts";
import { cleanText, cutText } from "../../core/text/clean-text.ts";
import { maxSilences } from "../agent.ts";
import { keyVariable, type Provider, upstreamUrl } from "./provider.ts";

/**
 * Decides what a failed model call means for the run. Pure. Programs retry in their own ways, some
 * forever, so the decision is made here: a failure that needs a person or a long wait ends the run
 * at once, a transient one after a few failures in a row.
 */
export type CallFailure = {
  kind: FailureKind;
  detail: string;
  retryAt: Date | null;
  /** Retries by the program cannot help. */
  isFinal: boolean;
};

/** After this many failures in a row the provider counts as down. */
const maxInRow = 4;
const maxWaitMs = 60_000;

export type FailedCall = {
  provider: Provider;
  /** Null: no answer. */
  status: number | null;
  retryAfter: string | null;
  /** Unix seconds at which the plan's used-up rate-limit window ends. */
  windowResets: string | null;
  body: string;
  /** Includes this one. */
  failuresInRow: number;
  /** The provider said nothing for `ms`, `inRow` calls in a row; null: this failed in another way. */
  silence: { ms: number; inRow: number } | null;
  now: number;
};

const bodySchema = z.object({
  error: z.object({
    message: z.string().catch(""),
    type: z.string().nullish().catch(null),
    code: z.string().nullish().catch(null),
    resets_at: z.number().nullish().catch(null),
    resets_in_seconds: z.number().nullish().catch(null),
  }),
});

export function judgeFailure(call: FailedCall): CallFailure {
  const { provider, status, now } = call;
  const server = `the model server ${new URL(upstreamUrl(provider)).host}`;
  const { message, codes, resetsAt } = readBody(call);
  const said = message === "" ? "" : `: ${message}`;
  const end = (kind: FailureKind, detail: string, retryAt: Date | null = null): CallFailure => ({
    kind,
    detail: `${detail}${said}`,
    retryAt,
    isFinal: true,
  });

  if (codes.includes("insufficient_quota") || status === 402)
    return end("agent_unavailable", `${server} says that the account has no credit left`);
  if (status === 401 || status === 403) {
    return end(
      "agent_unavailable",
      `${server} refused the API key (${status}); check ${keyVariable(provider.protocol)}`,
    );
  }
  if (status === 404) {
    return end(
      "agent_unavailable",
      `${server} knows no such model or address (404); check the model's name and the base URL`,
    );
  }
  if (status !== null && status < 500 && ![408, 409, 425, 429].includes(status)) {
    return {
      kind: "agent_failed",
      detail: `${server} refused the request (${status})${said}`,
      retryAt: null,
      isFinal: false,
    };
  }
  const waitMs = readRetryAfter(call.retryAfter, now);
  const retryAt = resetsAt ?? (waitMs === null ? null : new Date(now + waitMs));
  const isWindow = resetsAt !== null || codes.includes("usage_limit_reached");
  const broken = call.silence
    ? `${server} was silent for ${Math.round(call.silence.ms / 1000)} s`
    : `the connection to ${server} broke`;
  const words = status === null ? broken : `${server} answered ${status}`;
  if (isWindow) return end("rate_limit_window", `the usage limit is reached (${words})`, retryAt);
  if (waitMs !== null && waitMs > maxWaitMs) {
    const kind = status === 429 ? "rate_limit_window" : "model_unavailable";
    return end(kind, `${words}; it asks to wait ${Math.ceil(waitMs / 1000)} s`, retryAt);
  }
  return {
    kind: "model_unavailable",
    detail: `${words}${call.failuresInRow > 1 ? `, ${call.failuresInRow} times in a row` : ""}${said}`,
    retryAt,
    isFinal: call.failuresInRow >= maxInRow || (call.silence?.inRow ?? 0) >= maxSilences,
  };
}

function readBody({ body, provider, now, windowResets }: FailedCall) {
  let json: unknown = null;
  try {
    json = JSON.parse(body);
  } catch {
    // not JSON: a proxy's page, or empty
  }
  const error = bodySchema.safeParse(json).data?.error;
  const text = cleanText(error?.message ?? "").replace(/\s+/g, " ");
  const told = error?.resets_at ?? (Number(windowResets) || null);
  const at = told === null ? null : told * 1_000;
  const inMs = error?.resets_in_seconds ? now + error.resets_in_seconds * 1_000 : null;
  const resets = at ?? inMs;
  return {
    message: cutText(text.replaceAll(provider.apiKey, "[key]").trim(), 300),
    codes: [error?.type, error?.code],
    resetsAt: resets === null ? null : new Date(resets),
  };
}

function readRetryAfter(text: string | null, now: number): number | null {
  if (text === null) return null;
  if (/^\d+(\.\d+)?$/.test(text.trim())) return Number(text) * 1_000;
  const date = Date.parse(text);
  return Number.isNaN(date) || /^\s*-/.test(text) ? null : Math.max(0, date - now);
}
