import type { AgentEvent } from "../agent.ts";
import type { Message, ToolCall } from "./model/model.ts";
import { callTool, type Tool, type ToolEnd } from "./tools/tool.ts";
import type { Transcript } from "./transcript.ts";

/**
 * Runs the calls of one reply. Adjacent calls that only read run concurrently; every other call
 * runs alone, in order. Results are appended in the order of the calls, each before anything after
 * it starts, and every call gets one.
 */
const maxCalls = 16;

export async function runCalls(input: {
  tools: readonly Tool[];
  calls: readonly ToolCall[];
  signal: AbortSignal;
  emit: (event: AgentEvent) => void;
  transcript: Transcript;
}): Promise<ToolEnd | null> {
  const { tools, calls, signal, emit, transcript } = input;
  let done = 0;
  for (const group of groupCalls(tools, calls.slice(0, maxCalls))) {
    const results = await Promise.all(group.map((call) => callTool(tools, call, emit)));
    // A call stopped in the middle gets no result; when resumed, the model is told it is unknown.
    if (signal.aborted) return null;
    const messages = group.map((call, i) => resultOf(call, results[i]?.text ?? ""));
    if (group.some((call) => effectOf(tools, call) === "changes")) {
      await transcript.appendWithFiles(results[0]?.changed ?? null, ...messages);
    } else await transcript.append(...messages);
    done += group.length;
    const end = results.find((result) => result.end)?.end ?? null;
    if (end) {
      const rest = calls.slice(done).map((call) => resultOf(call, "Not run: the work ended."));
      await transcript.append(...rest);
      return end;
    }
  }
  const tooMany = `Not run: at most ${maxCalls} calls in one reply.`;
  await transcript.append(...calls.slice(done).map((call) => resultOf(call, tooMany)));
  return null;
}

/** The effect a call may have; an unknown tool has none. */
export function effectOf(tools: readonly Tool[], call: ToolCall): NonNullable<Tool["effect"]> {
  const tool = tools.find(({ name }) => name === call.name);
  return tool ? (tool.effect ?? "changes") : "talks";
}

function groupCalls(tools: readonly Tool[], calls: readonly ToolCall[]): ToolCall[][] {
  const groups: ToolCall[][] = [];
  let isReading = false;
  for (const call of calls) {
    const reads = effectOf(tools, call) === "reads";
    if (reads && isReading) groups.at(-1)?.push(call);
    else groups.push([call]);
    isReading = reads;
  }
  return groups;
}

export function resultOf(call: ToolCall, text: string): Message {
  return { role: "tool", callId: call.id, text };
}
