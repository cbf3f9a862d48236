import { z } from "zod";
import type { PlannedCall } from "../../core/budget/budget.ts";
import { type Provider, upstreamUrl } from "./provider.ts";

/**
 * Prepares a program's model call for forwarding: estimates its maximum usage and adds what makes
 * that reliable. A streamed chat reports usage only on request, and the length of an answer is
 * bounded only by a limit in the request.
 */
const callSchema = z.looseObject({
  model: z.string().catch(""),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({}).nullish(),
  max_tokens: z.number().nullish(),
  max_completion_tokens: z.number().nullish(),
  max_output_tokens: z.number().nullish(),
  previous_response_id: z.string().nullish(),
});

const unknown = Number.POSITIVE_INFINITY;

/** `maxOutputTokens`: the limit to set if the program sets none; null: none. */
export function readCall(
  provider: Provider,
  path: string,
  body: Buffer,
  maxOutputTokens: number | null,
): PlannedCall & { body: Buffer } {
  const call = callSchema.safeParse(parse(body)).data;
  if (!call) return { model: "", body, inputTokens: unknown, outputTokens: unknown };
  const told = call.max_output_tokens ?? call.max_completion_tokens ?? call.max_tokens ?? null;
  const isChat = path === "/chat/completions";
  const asking: Record<string, unknown> = {
    ...call,
    ...(isChat &&
      call.stream && { stream_options: { ...call.stream_options, include_usage: true } }),
    ...(told === null &&
      maxOutputTokens !== null && { [nameOfLimit(provider, isChat)]: maxOutputTokens }),
  };
  const isChanged = Object.entries(asking).some(
    ([key, value]) => value !== (call as typeof asking)[key],
  );
  return {
    model: call.model,
    body: isChanged ? Buffer.from(JSON.stringify(asking)) : body,
    // A stored conversation at the provider is not part of the request.
    inputTokens: call.previous_response_id ? unknown : body.length,
    outputTokens: told ?? maxOutputTokens ?? unknown,
  };
}

/** OpenAI's own server needs chat's new name for the limit, all others the old one. */
function nameOfLimit(provider: Provider, isChat: boolean): string {
  if (provider.protocol === "anthropic") return "max_tokens";
  if (!isChat) return "max_output_tokens";
  return new URL(upstreamUrl(provider)).host === "api.openai.com"
    ? "max_completion_tokens"
    : "max_tokens";
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null; // the provider reports the error
  }
}
