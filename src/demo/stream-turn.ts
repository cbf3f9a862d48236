import type { ServerResponse } from "node:http";
import type { Fault, ScriptedTurn, ScriptedUsage } from "./scenario-types.ts";

/**
 * Sends a scripted reply: as server-sent events, split into small pieces as real servers do (a tool
 * call's arguments never arrive whole), or as one JSON object.
 */
export type ScriptedReply = { id: string; model: string; turn: ScriptedTurn; usage: ScriptedUsage };

/** Stream a reply, with a fault in the middle if one is given. */
export function streamTurn(
  response: ServerResponse,
  reply: ScriptedReply,
  fault: Fault | null,
  includeUsage: boolean,
): void {
  const { id, model, turn, usage } = reply;
  const head = { id, object: "chat.completion.chunk", created: now(), model };
  const frames: string[] = [];
  const add = (delta: object, finish: string | null = null) =>
    frames.push(
      frame({
        ...head,
        choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
        ...(includeUsage ? { usage: null } : {}),
      }),
    );

  add({ role: "assistant", content: turn.text ? "" : null, refusal: null });
  for (const piece of split(turn.text ?? "")) add({ content: piece });
  for (const [index, call] of wireCalls(reply).entries()) {
    const { name, arguments: text } = call.function;
    add({ tool_calls: [{ index, ...call, function: { name, arguments: "" } }] });
    for (const piece of split(text)) {
      add({ tool_calls: [{ index, function: { arguments: piece } }] });
    }
  }
  const half = Math.ceil(frames.length / 2);

  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  });
  if (fault?.kind === "hang") {
    add({}, finishOf(turn));
    response.write(frames.join(""));
    return;
  }
  if (fault) {
    response.write(frames.slice(0, half).join(""), () => breakOff(response, fault));
    return;
  }
  add({}, finishOf(turn));
  if (includeUsage) frames.push(frame({ ...head, choices: [], usage: wireUsage(usage) }));
  for (const each of frames) response.write(each);
  response.end("data: [DONE]\n\n");
}

/** Write the reply without streaming. */
export function writeTurn(response: ServerResponse, reply: ScriptedReply): void {
  const { id, model, turn, usage } = reply;
  const calls = wireCalls(reply);
  const message = {
    role: "assistant",
    content: turn.text ?? null,
    refusal: null,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(
    JSON.stringify({
      id,
      object: "chat.completion",
      created: now(),
      model,
      choices: [{ index: 0, message, logprobs: null, finish_reason: finishOf(turn) }],
      usage: wireUsage(usage),
    }),
  );
}

/** Ends a stream with its fault; faults outside a stream never get here. */
function breakOff(response: ServerResponse, fault: Fault): void {
  switch (fault.kind) {
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "malformed":
      response.end('data: {"id": "chatcmpl", "choices": [{"del\n\n');
      return;
    case "error_event":
      response.end(frame({ error: { message: fault.message, type: "server_error", code: null } }));
      return;
    case "stall":
    case "hang":
      return; // until the client disconnects
    case "cut":
    case "status":
    case "html":
      response.end();
  }
}

function wireCalls({ id, turn }: ScriptedReply) {
  return (turn.calls ?? []).map((call, index) => ({
    id: `call_${id.slice(-8)}_${index}`,
    type: "function",
    function: {
      name: call.name,
      arguments:
        typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments),
    },
  }));
}

function wireUsage({ inputTokens, cachedInputTokens, outputTokens }: ScriptedUsage) {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

function finishOf(turn: ScriptedTurn): string {
  return turn.finish ?? (turn.calls?.length ? "tool_calls" : "stop");
}

function frame(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** Splits a text into short pieces, at least two if possible. */
function split(text: string): string[] {
  const size = Math.min(2_000, Math.max(1, Math.ceil(text.length / 3)));
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
  return pieces;
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
