import type { FailureKind } from "../../core/failure.ts";
import type { AgentEnd, AgentEvent } from "../agent.ts";
import { firstLine } from "../clean-text.ts";
import type { Message, Model, ToolCall } from "./model.ts";
import { callTool, type Tool } from "./tools/tool.ts";
import { showArguments } from "./tools/tool-arguments.ts";

/**
 * The agent: ask the model, run the tools it calls, tell it the results, until it finishes, asks a
 * person, or a limit ends it. The transcript is only ever appended to. What goes wrong inside a turn
 * is told to the model in words; only the end of the loop is told to the caller.
 */
export type LoopInput = {
  model: Model;
  tools: readonly Tool[];
  /** Holds the system prompt and the brief when the loop starts. */
  transcript: Transcript;
  maxTurns: number;
  signal: AbortSignal;
  emit: (event: AgentEvent) => void;
};

/** Every reply and every result is appended before the model is asked again. */
export type Transcript = {
  readonly messages: readonly Message[];
  append(...messages: Message[]): Promise<void>;
};

export type LoopEnd = Pick<AgentEnd, "reason" | "failure" | "detail" | "summary" | "question">;

export async function runLoop(input: LoopInput): Promise<LoopEnd> {
  const { model, tools, transcript, maxTurns, signal, emit } = input;
  let worked = false;
  let nudged = false;
  let cuts = 0;
  let repeats = 1;
  let lastCalls = "";

  for (let turn = 1; turn <= maxTurns; turn++) {
    emit({ kind: "turn", number: turn });
    const answer = await model(transcript.messages, tools, signal);
    if (answer.kind === "aborted") return end("cancelled", null, "stopped on request");
    if (answer.kind === "failed") return end("gave_up", answer.failure, answer.detail);
    const { text, finish } = answer.reply;
    if (text.trim() !== "") emit({ kind: "text", text });
    if (finish === "withheld") {
      return end("gave_up", "agent_failed", "the provider's content filter withheld the reply");
    }
    cuts = finish === "cut" ? cuts + 1 : 0;
    if (cuts > maxCuts) {
      return end(
        "gave_up",
        "agent_failed",
        `${cuts} replies in a row were cut off at the length limit`,
      );
    }
    if (finish === "cut") {
      const cut: Message = { role: "assistant", text: text || "(cut off)", toolCalls: [] };
      await transcript.append(cut, tell(cutOff));
      continue;
    }

    const calls = withOwnIds(answer.reply.toolCalls, turn);
    await transcript.append({ role: "assistant", text, toolCalls: calls.map(showCall) });
    if (calls.length === 0) {
      if (nudged && text.trim() === "") {
        return end("gave_up", "agent_failed", "the model sent an empty reply twice");
      }
      if (nudged && !worked) {
        return end("gave_up", "agent_failed", `the model did no work: ${firstLine(text, 200)}`);
      }
      if (nudged) return { ...end("done", null, "stopped without finish"), summary: text };
      nudged = true;
      await transcript.append(tell(callFinish));
      continue;
    }
    nudged = false;

    const these = JSON.stringify(calls.map((call) => [call.name, call.arguments]));
    repeats = these === lastCalls ? repeats + 1 : 1;
    lastCalls = these;
    if (repeats > maxRepeats) {
      const names = calls.map((call) => call.name).join(", ");
      return end("gave_up", "stalled", `the model made the same call ${repeats} times (${names})`);
    }

    for (const [position, call] of calls.entries()) {
      const result =
        position < maxCalls ? await callTool(tools, call, emit) : { text: tooManyCalls, end: null };
      if (signal.aborted) return end("cancelled", null, "stopped on request");
      await transcript.append({ role: "tool", callId: call.id, text: result.text });
      worked = true;
      if (result.end?.kind === "finished") {
        return { ...end("done", null, "finished"), summary: result.end.summary };
      }
      if (result.end?.kind === "asked") {
        const { question } = result.end;
        return { ...end("needs_input", "question", "asked a question"), question };
      }
    }
    if (repeats === maxRepeats) await transcript.append(tell(changeCourse));
  }
  return end("out_of_budget", "out_of_budget", `used all ${maxTurns} turns`);
}

const maxCuts = 2;
const maxRepeats = 3;
const maxCalls = 16;
const tooManyCalls = `Not run: at most ${maxCalls} calls in one reply.`;
const cutOff =
  "Your reply was cut off at the length limit. No tool was run. Go on with a shorter reply; write long files in several parts.";
const callFinish =
  "You called no tool. If the work is done, call finish with a summary. If you need a person's decision, call ask. Otherwise go on with the next tool call.";
const changeCourse =
  "You made the same call three times in a row with the same result to expect. Do something else, or call finish and say what is not done. One more repetition ends this attempt.";

function tell(text: string): Message {
  return { role: "user", text };
}

function end(reason: LoopEnd["reason"], failure: FailureKind | null, detail: string): LoopEnd {
  return { reason, failure, detail, summary: null, question: null };
}

/** How a call stands in the transcript: servers refuse a history with arguments that are no JSON. */
function showCall(call: ToolCall): ToolCall {
  return { ...call, arguments: showArguments(call.arguments) };
}

/** Results are matched to calls by id, so a missing or a double id gets one of ours. */
function withOwnIds(calls: readonly ToolCall[], turn: number): ToolCall[] {
  const seen = new Set<string>();
  return calls.map((call, position) => {
    const id = call.id === "" || seen.has(call.id) ? `call_${turn}_${position}` : call.id;
    seen.add(id);
    return { ...call, id };
  });
}
