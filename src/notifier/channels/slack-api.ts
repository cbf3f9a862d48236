import { z } from "zod";
import { readText } from "../../core/base/read-until.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import { causeOf, type PostResult } from "../post.ts";

/** Slack's Web API, as far as it is used. It answers 200 also to what it refuses, and says why in the body. */
export type SlackBot = NonNullable<NotifierConfig["slackBot"]>;

export class SlackRefused extends Error {
  readonly reason: string;
  readonly retryAfterMs: number | null;
  constructor(reason: string, retryAfterMs: number | null = null) {
    super(`it answered ${reason}`);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

const answerSchema = z.looseObject({ ok: z.boolean(), error: z.string().max(100).optional() });
export type SlackAnswer = z.infer<typeof answerSchema>;
const maxAnswer = 1024 * 1024;

/** One call of a method. Throws SlackRefused, and whatever keeps an answer from coming. */
export async function callSlack(
  { api }: Pick<SlackBot, "api">,
  token: string,
  method: string,
  given: object,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<SlackAnswer> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  const response = await fetch(`${api.replace(/\/+$/, "")}/${method}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json; charset=utf-8",
      "user-agent": "deputy",
    },
    body: JSON.stringify(given),
    redirect: "manual",
    signal,
  });
  const text = await readText(response, maxAnswer, signal);
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : null;
  if (!response.ok) throw new SlackRefused(String(response.status), retryAfterMs);
  const answer = answerSchema.safeParse(parse(text)).data;
  if (answer?.ok) return answer;
  throw new SlackRefused(answer?.error ?? "nothing that can be read", retryAfterMs);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // not Slack's
  }
}

/** What may pass by itself. */
const passing =
  /^(?:5\d\d|408|429|ratelimited|internal_error|fatal_error|request_timeout|service_unavailable)$/;

/** As a push's result: never throws because of the server. */
export function toPostResult(error: unknown, stopped: AbortSignal): PostResult {
  if (stopped.aborted) return { kind: "aborted" };
  if (!(error instanceof SlackRefused))
    return { kind: "refused", hope: "likely", error: causeOf(error), retryAfterMs: null };
  const { message, reason, retryAfterMs } = error;
  const hope = passing.test(reason) ? "likely" : "unlikely";
  return { kind: "refused", hope, error: message, retryAfterMs };
}
