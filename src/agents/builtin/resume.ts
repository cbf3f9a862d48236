import type { AgentEvent } from "../agent.ts";
import type { Message, ToolCall } from "./model/model.ts";
import { effectOf, resultOf } from "./run-calls.ts";
import { readFolder } from "./tools/bash.ts";
import type { Reports } from "./tools/report.ts";
import { callTool, type Tool, type ToolEnd } from "./tools/tool.ts";
import { type Entry, type Transcript, tell } from "./transcript.ts";

/**
 * Resumes stopped work: calls without a result get one, so that the transcript is complete again.
 * Calls that only read are run again. Of a call that may have changed something, the model is told
 * that its result is unknown, and to look first. Then `brief` is its next message.
 */
export async function resumeTranscript(input: {
  transcript: Transcript;
  brief: string;
  tools: readonly Tool[];
  emit: (event: AgentEvent) => void;
}): Promise<void> {
  const { transcript, brief, tools, emit } = input;
  for (const call of findUnanswered(transcript.messages)) {
    await transcript.append(resultOf(call, await answerNow(call, tools, emit)));
  }
  const isToldSomething = brief.trim() !== "";
  const last = transcript.messages.at(-1);
  if (isToldSomething) await transcript.append(tell(brief));
  else if (last?.role === "assistant") await transcript.append(tell("Go on."));
}

/**
 * The end of work whose process died after the agent had finished and before that was recorded: its
 * `finish` is called once more, and the model is not asked and paid again. Null where the last reply
 * finished nothing, or made a call whose result is unknown.
 */
export async function finishAgain(input: {
  transcript: Transcript;
  tools: readonly Tool[];
  emit: (event: AgentEvent) => void;
}): Promise<ToolEnd | null> {
  const { emit, tools, transcript } = input;
  const { messages } = transcript;
  const at = messages.findLastIndex(({ role }) => role === "assistant");
  const last = messages[at];
  const isLast = messages.slice(at + 1).every(({ role }) => role === "tool");
  if (last?.role !== "assistant" || !isLast) return null;
  const call = last.toolCalls.find(({ name }) => name === "finish");
  const open = findUnanswered(messages);
  if (!call || open.some((one) => one !== call)) return null;
  const answer = await callTool(tools, call, emit);
  if (!answer.end) return null;
  if (open.length > 0) await transcript.append(resultOf(call, answer.text));
  return answer.end;
}

async function answerNow(
  call: ToolCall,
  tools: readonly Tool[],
  emit: (event: AgentEvent) => void,
): Promise<string> {
  switch (effectOf(tools, call)) {
    case "reads":
      return (await callTool(tools, call, emit)).text;
    case "talks":
      return "Not heard: the process stopped before it. Call it again if it still holds.";
    case "changes":
      return "Unknown result: the process stopped after this call was made, before its result was stored. It ran not at all, in part, or to its end. Look at the state of things before you repeat it. The next command starts in the folder in which this one would have.";
  }
}

/** Returns the calls of the last reply that have no result. */
function findUnanswered(messages: readonly Message[]): ToolCall[] {
  const at = messages.findLastIndex((message) => message.role === "assistant");
  const last = messages[at];
  if (last?.role !== "assistant") return [];
  const answered = new Set(
    messages.slice(at).map((message) => (message.role === "tool" ? message.callId : null)),
  );
  return last.toolCalls.filter((call) => !answered.has(call.id));
}

/** Returns the folder, from the worktree's root, in which the commands of earlier runs left off. */
export function findFolder(entries: readonly Entry[]): string {
  const commands = new Set<string>();
  let folder = "";
  for (const entry of entries) {
    if (entry.role === "assistant") {
      for (const { id, name } of entry.toolCalls) if (name === "bash") commands.add(id);
    } else if (entry.role === "tool" && commands.has(entry.callId)) {
      folder = readFolder(entry.text) ?? folder;
    }
  }
  return folder;
}

/** How often the model has called a tool, summaries or not. */
export function countCalls(entries: readonly Entry[], tool: string): number {
  return entries
    .flatMap((entry) => (entry.role === "assistant" ? entry.toolCalls : []))
    .filter(({ name }) => name === tool).length;
}

/**
 * Collects the reports since the work last ended, which were not delivered yet. An end that nobody
 * recorded, in the last reply, delivered none.
 */
export async function collectReports(
  entries: readonly Entry[],
  tool: Tool,
  isLastRecorded: boolean,
): Promise<void> {
  const lastReply = entries.findLast(({ role }) => role === "assistant");
  let open: ToolCall[] = [];
  for (const entry of entries) {
    if (entry.role !== "assistant") continue;
    for (const call of entry.toolCalls) {
      const isEnd = call.name === "finish" || call.name === "ask";
      if (isEnd && (isLastRecorded || entry !== lastReply)) open = [];
      else if (call.name === tool.name) open.push(call);
    }
  }
  for (const call of open) await callTool([tool], call, () => {});
}

/** Removes duplicate reports. */
export function uniqueReports({ discoveries, followUps }: Reports): Reports {
  const byTitle = new Map(followUps.map((followUp) => [followUp.title, followUp]));
  return { discoveries: [...new Set(discoveries)], followUps: [...byTitle.values()] };
}
