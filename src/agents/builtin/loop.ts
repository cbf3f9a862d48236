import { randomUUID } from "node:crypto";
import { cleanText } from "../../core/text/clean-text.ts";
import type { AgentEnd, AgentEvent } from "../agent.ts";
import type { Message, ModelAnswer, Reply, ToolCall } from "./model/model.ts";
import { effectOf, runCalls } from "./run-calls.ts";
import type { Tool, ToolAnswer, ToolEnd } from "./tools/tool.ts";
import { showArguments } from "./tools/tool-arguments.ts";
import { type Transcript, tell } from "./transcript.ts";
import { watchReplies } from "./watch-replies.ts";

/**
 * The agent loop: ask the model, run its tool calls, append the results, until it finishes, asks a
 * person, or a limit ends it. The transcript is append-only. Problems within a turn are reported to
 * the model; the caller gets only the end of the loop.
 */
export type LoopInput = {
  /** The next reply to the transcript, or why there is none. */
  ask: (signal: AbortSignal) => Promise<ModelAnswer>;
  tools: readonly Tool[];
  transcript: Transcript;
  maxTurns: number;
  signal: AbortSignal;
  emit: (event: AgentEvent) => void;
  /** Returns new messages for the model, oldest first. Called between turns. */
  listen: () => Promise<string[]>;
  /** Parses an answer from a reply without tool calls; null if it contains none. */
  readWords: (text: string) => ToolAnswer | null;
};

export type LoopEnd = Pick<
  AgentEnd,
  | "reason"
  | "failure"
  | "detail"
  | "summary"
  | "nothingToDo"
  | "question"
  | "choices"
  | "output"
  | "retryAt"
>;

export async function runLoop(input: LoopInput): Promise<LoopEnd> {
  const { ask, tools, transcript, maxTurns, signal, emit } = input;
  const append = transcript.append.bind(transcript);
  const judge = watchReplies();
  const usedIds = new Set(transcript.messages.flatMap(idsOf));

  for (let turn = 1; turn <= maxTurns; turn++) {
    await append(...(await input.listen()).map(tell));
    emit({ kind: "turn", number: turn });
    const answer = await ask(signal);
    if (answer.kind !== "reply") return endWithoutReply(answer);
    const { reply } = answer;
    const { text } = reply;
    if (text.trim() !== "") emit({ kind: "text", text });

    const inWords = reply.toolCalls.length === 0 ? input.readWords(text) : null;
    if (inWords) {
      await append(sayAgain(reply, []), tell(inWords.text));
      if (inWords.end) return endByTool(inWords.end);
      continue;
    }
    const judged = judge(reply);
    if (judged.kind === "end") return { ...nothing, ...judged.end };
    if (judged.kind === "drop") {
      const said: Message = {
        role: "assistant",
        text: cleanText(text) || "(nothing)",
        toolCalls: [],
      };
      await append(said, tell(judged.tell));
      continue;
    }
    const calls = withOwnIds(reply.toolCalls, usedIds);
    // Changing calls are stored before they run; reads are repeatable, so with their results.
    const isReading = calls.length > 0 && calls.every((call) => effectOf(tools, call) === "reads");
    const stored = isReading
      ? transcript.hold(sayAgain(reply, calls))
      : append(sayAgain(reply, calls));
    if (!isReading) await stored;
    const [end] = await Promise.all([runCalls({ tools, calls, signal, emit, transcript }), stored]);
    if (signal.aborted) return { ...nothing, reason: "cancelled", detail: "stopped on request" };
    if (end) return endByTool(end);
    if (judged.tell) await append(tell(judged.tell));
  }
  const detail = `used all ${maxTurns} turns`;
  return { ...nothing, reason: "out_of_budget", failure: "out_of_budget", detail };
}

const nothing: LoopEnd = {
  reason: "gave_up",
  failure: null,
  detail: "",
  summary: null,
  nothingToDo: false,
  question: null,
  choices: [],
  output: null,
  retryAt: null,
};

function endWithoutReply(answer: Exclude<ModelAnswer, { kind: "reply" }>): LoopEnd {
  if (answer.kind === "aborted") {
    return { ...nothing, reason: "cancelled", detail: "stopped on request" };
  }
  const { detail } = answer;
  if (answer.kind === "too_long" || answer.failure === "out_of_budget") {
    return { ...nothing, reason: "out_of_budget", failure: "out_of_budget", detail };
  }
  return { ...nothing, failure: answer.failure, detail, retryAt: answer.retryAt };
}

export function endByTool(end: ToolEnd): LoopEnd {
  switch (end.kind) {
    case "finished": {
      const { nothingToDo = false, output = null, summary } = end;
      return { ...nothing, reason: "done", detail: "finished", summary, nothingToDo, output };
    }
    case "asked": {
      const { choices, question } = end;
      const detail = "asked a question";
      const asked = { failure: "question", detail, question, choices } as const;
      return { ...nothing, reason: "needs_input", ...asked };
    }
    case "failed":
      return { ...nothing, failure: "agent_failed", detail: end.detail };
  }
}

/** The reply for the transcript: servers reject invalid names and arguments that are not JSON. */
function sayAgain({ text, carried }: Reply, calls: readonly ToolCall[]): Message {
  const toolCalls = calls.map(({ id, name, arguments: args }) => ({
    id,
    name: name.replace(/[^\w-]/g, "_").slice(0, 64) || "unnamed",
    arguments: cleanText(showArguments(args)),
  }));
  return { role: "assistant", text: cleanText(text), toolCalls, ...(carried ? { carried } : {}) };
}

/** Results are matched to calls by id, so a missing, overlong or repeated id is replaced. */
function withOwnIds(calls: readonly ToolCall[], used: Set<string>): ToolCall[] {
  return calls.map((call) => {
    const isGood = call.id !== "" && call.id.length <= 64 && !used.has(call.id);
    const id = isGood ? call.id : `call_${randomUUID()}`;
    used.add(id);
    return { ...call, id };
  });
}

function idsOf(message: Message): string[] {
  return message.role === "assistant" ? message.toolCalls.map(({ id }) => id) : [];
}
