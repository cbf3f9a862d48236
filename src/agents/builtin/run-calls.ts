import type { AgentEvent } from "../agent.ts";
import type { Message, ToolCall } from "./model.ts";
import { callTool, type Tool, type ToolEnd } from "./tools/tool.ts";
import type { Transcript } from "./transcript.ts";

/**
 * Runs the calls of one reply. Those that only read, next to each other, run at the same time; every
 * other one runs alone, in its turn. Results are appended in the order of the calls, each before
 * anything after it begins, and every call gets one.
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
    // What was stopped in the middle has no result: whoever goes on is told that nobody knows it.
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

/** What a call may do; an unknown tool does nothing. */
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
