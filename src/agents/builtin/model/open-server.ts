import type { ModelCall } from "../../../core/budget/usage.ts";
import { chatWire } from "./chat-completions.ts";
import type { CallOnce, CallResult } from "./model.ts";
import { responsesWire } from "./responses.ts";
import { streamCall } from "./stream-call.ts";
import type { Feature, Wire, WireName } from "./wire.ts";

/**
 * A model server and what is learned about it during one run: which wire it speaks and which
 * features it rejects. A request with a rejected feature is sent again without it, and so are all
 * later ones.
 */
export type ServerOptions = {
  apiKey: string;
  /** Null: OpenAI's. */
  baseUrl: string | null;
  model: string;
  /** Default `auto`: Responses for OpenAI, else Chat Completions; the other after a refusal. */
  wire?: "auto" | WireName | undefined;
  idleTimeoutMs: number;
  fetch?: typeof fetch | undefined;
  onUsage: (call: ModelCall) => void;
  /** Called for each feature that the server rejects and later requests leave out. */
  onRefused: (feature: Feature) => void;
};

const openAi = "https://api.openai.com/v1";
const wires: Record<WireName, Wire> = { responses: responsesWire, chat: chatWire };

/** Loads the client while the worktree is made: loading it would delay the first request. */
export function loadClient(): void {
  import("openai").catch(() => {}); // the agent that needs it reports the failure
}

export async function openServer(options: ServerOptions): Promise<CallOnce> {
  const { apiKey, model, idleTimeoutMs, onUsage, wire: asked = "auto" } = options;
  const baseUrl = options.baseUrl ?? openAi;
  const problem = findSettingsProblem(apiKey, baseUrl);
  if (problem) {
    return async () => ({
      kind: "failed",
      failure: "agent_unavailable",
      detail: problem,
      retryAt: null,
    });
  }
  const { OpenAI } = await import("openai"); // lazily, so that an idle daemon stays small
  const client = new OpenAI({
    apiKey,
    baseURL: baseUrl,
    maxRetries: 0,
    timeout: idleTimeoutMs + 1_000, // our own timeout fires first
    logLevel: "off", // it would print whole payloads
    ...(options.fetch ? { fetch: options.fetch } : {}),
  });

  const isAtHome = new URL(baseUrl).host === new URL(openAi).host;
  let wire = wires[asked === "auto" ? (isAtHome ? "responses" : "chat") : asked];
  let otherWire = asked === "auto";
  // Other servers may ignore an output format, or never call tools because of it.
  const without = new Set<Feature>(isAtHome ? [] : ["output_format"]);

  return async (request, signal) => {
    const call = (over: Wire) =>
      streamCall(
        {
          client,
          wire: over,
          without,
          idleTimeoutMs,
          onUsage,
          context: { apiKey, baseUrl, model },
        },
        request,
        signal,
      );
    for (;;) {
      const result = await call(wire);
      if (result.kind !== "refused") {
        if (result.kind === "reply") otherWire = false;
        return result;
      }
      const feature = refusedFeature(result);
      if (feature && !without.has(feature)) {
        without.add(feature);
        options.onRefused(feature);
        continue;
      }
      if (!otherWire || !speaksOtherwise(result)) return result;
      otherWire = false;
      const other = wire === chatWire ? responsesWire : chatWire;
      const second = await call(other);
      if (second.kind === "refused" && speaksOtherwise(second)) return result;
      wire = other;
      if (second.kind !== "refused") return second;
    }
  };
}

type Refused = Extract<CallResult, { kind: "refused" }>;

/** Returns the feature that the server's words are about, or null. */
function refusedFeature({ status, said }: Refused): Feature | null {
  if (status !== 400 && status !== 422) return null;
  if (/max_(?:output_|completion_)?tokens/i.test(said)) return "max_output";
  if (/stream_options|include_usage/i.test(said)) return "stream_options";
  if (/response_format|json_schema|text\.format|structured output/i.test(said)) {
    return "output_format";
  }
  if (/tool_choice/i.test(said)) return "tool_choice";
  if (/encrypted_content|\binclude\b|reasoning/i.test(said)) return "reasoning";
  return null;
}

/** Whether the refusal may be about the wire rather than the request. */
function speaksOtherwise({ status, said }: Refused): boolean {
  if (/model_not_found/i.test(said) && !/v1\/(?:responses|chat)/i.test(said)) return false;
  if (status === 404 || status === 405 || status === 501) return true;
  return (
    status === 400 &&
    /(?:unsupported|not supported|only supported).*(?:endpoint|api|v1\/)/i.test(said)
  );
}

/** Returns why every call would fail before it is sent, or null. Never contains the key. */
function findSettingsProblem(apiKey: string, baseUrl: string): string | null {
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    return "OPENAI_API_KEY is empty or holds characters that no key has; correct it";
  }
  if (!/^https?:$/.test(URL.canParse(baseUrl) ? new URL(baseUrl).protocol : "")) {
    return `OPENAI_BASE_URL must be an http or https URL, like https://api.openai.com/v1`;
  }
  return null;
}
