import { createHash } from "node:crypto";
import type { Choice } from "./choose-turn.ts";
import { asObject, countTokens } from "./json.ts";
import type { Fault, Json, Seen, Turn, TurnUsage } from "./scenario.ts";
import { type TranslatedCall, translateCall } from "./translate-call.ts";

/** A reply as every wire can say it. */
export type Reply = {
  /** No two replies have the same; ids of all kinds are made of it. */
  key: string;
  model: string;
  text: string;
  reasoning: string;
  refusal: string | null;
  calls: readonly ReplyCall[];
  finish: "stop" | "calls" | "length" | "refusal";
  usage: Usage;
  tellsUsage: boolean;
};

export type ReplyCall = TranslatedCall & { id: string };

/** `inputTokens` counts the cached ones, `outputTokens` the reasoning. */
export type Usage = {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
};

/** The turn, or the end of the script, with the faults that lie in what is said. */
export function composeReply(
  seen: Seen,
  choice: Choice,
  options: { number: number; bytes: number; lacksUsage: boolean },
): Reply {
  const script = choice.script ?? endTurn(seen);
  const fault = choice.fault;
  const key = makeKey(seen, options.number);
  const calls = translateCalls(seen, script, fault, key);
  const said = calls.length < (script.calls?.length ?? 0) ? finishText(script) : [];
  const meant: Omit<Reply, "usage"> = {
    key,
    model: seen.model,
    text: [script.text ?? "", ...said, ...jsonText(script, calls)].filter(Boolean).join("\n\n"),
    reasoning: script.reasoning ?? "",
    refusal: null,
    calls,
    finish: calls.length > 0 ? "calls" : "stop",
    tellsUsage: !options.lacksUsage && fault?.kind !== "no_usage",
  };
  const reply = fault ? spoil(meant, fault) : meant;
  const { usage } = script;
  return { ...reply, usage: usage ? readUsage(usage) : countUsage(seen, reply, options.bytes) };
}

/** Agents end by a tool, by an answer that fits their schema, or by words. */
function endTurn(seen: Seen): Turn {
  if (seen.tools.some(({ name }) => name === "finish")) {
    return { calls: [{ tool: "finish", args: { summary: "done" } }] };
  }
  return seen.schema ? { json: fillSchema(seen.schema) } : { text: "done" };
}

/** The smallest answer that fits. */
function fillSchema(schema: Json): unknown {
  const choices = Array.isArray(schema.enum) ? schema.enum : [];
  if (choices.length > 0) return choices[0];
  const properties = asObject(schema.properties);
  switch ([schema.type].flat()[0]) {
    case "string":
      return "done";
    case "number":
    case "integer":
      return 0;
    case "boolean":
      return false;
    case "array":
      return [];
    case "null":
      return null;
    default:
      return Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [name, fillSchema(asObject(inner))]),
      );
  }
}

function translateCalls(seen: Seen, script: Turn, fault: Fault | null, key: string): ReplyCall[] {
  const viaTool = seen.tools.find(({ name }) => name === "StructuredOutput");
  const asked =
    script.json !== undefined && viaTool
      ? [{ tool: viaTool.name, args: asObject(script.json) }]
      : (script.calls ?? []);
  const prefix = seen.wire === "messages" ? "toolu" : "call";
  return asked.flatMap((call, index) => {
    const translated = translateCall(call, seen.tools, seen.workdir);
    if (!translated) return [];
    const name = fault?.kind === "unknown_tool" ? (fault.name ?? "no_such_tool") : translated.name;
    return [{ ...translated, name, id: `${prefix}_t${seen.replies}c${index}_${key}` }];
  });
}

function finishText(script: Turn): string[] {
  const finish = (script.calls ?? []).find(({ tool }) => tool === "finish");
  const summary = asObject(finish?.args).summary;
  return typeof summary === "string" ? [summary] : [];
}

function jsonText(script: Turn, calls: readonly ReplyCall[]): string[] {
  const isSaid = calls.some(({ name }) => name === "StructuredOutput");
  return script.json === undefined || isSaid ? [] : [JSON.stringify(script.json)];
}

function spoil(reply: Omit<Reply, "usage">, fault: Fault): Omit<Reply, "usage"> {
  switch (fault.kind) {
    case "empty":
      return { ...reply, text: "", reasoning: "", calls: [], finish: "stop" };
    case "refusal": {
      const refusal = fault.message ?? "I cannot help with that.";
      return { ...reply, text: "", calls: [], refusal, finish: "refusal" };
    }
    case "length": {
      const last = reply.calls.at(-1);
      if (!last) return { ...reply, text: half(reply.text), finish: "length" };
      const cut = { ...last, arguments: half(last.arguments) };
      return { ...reply, calls: [...reply.calls.slice(0, -1), cut], finish: "length" };
    }
    default:
      return reply;
  }
}

function half(text: string): string {
  return text.slice(0, Math.ceil(text.length / 2));
}

function countUsage(seen: Seen, reply: Omit<Reply, "usage">, bytes: number): Usage {
  const inputTokens = Math.ceil(bytes / 4);
  const reasoningTokens = countTokens(reply.reasoning);
  const said = [reply.text, reply.refusal ?? "", ...reply.calls.map((call) => call.arguments)];
  return {
    inputTokens,
    cachedInputTokens: Math.min(inputTokens, seen.knownTokens),
    outputTokens: said.reduce((sum, text) => sum + countTokens(text), reasoningTokens),
    reasoningTokens,
  };
}

function readUsage({ input, cached = 0, output, reasoning = 0 }: TurnUsage): Usage {
  return {
    inputTokens: input,
    cachedInputTokens: cached,
    outputTokens: output,
    reasoningTokens: reasoning,
  };
}

function makeKey(seen: Seen, number: number): string {
  const parts = [seen.conversation, seen.replies, number];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}
