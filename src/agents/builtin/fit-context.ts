import { cutMiddle } from "../../core/text/clean-text.ts";
import type { Message, Model, ModelAnswer, ModelRequest } from "./model/model.ts";
import { compactionRequest } from "./prompts.ts";
import { countChars, type Transcript, tell } from "./transcript.ts";

/**
 * Keeps the conversation within the model's context. Before the context is full, a separate call
 * asks the model for a summary, and the conversation continues from that and the last few messages.
 * Nothing is dropped silently. Each reply reports how full the context is; only what was added
 * since is estimated.
 */
export type FitContext = {
  model: Model;
  transcript: Transcript;
  /** The parts of each request besides the messages. */
  rest: Pick<ModelRequest, "tools" | "outputSchema">;
  contextTokens: number;
  onCompaction: (sentence: string) => void;
};

/** Returns a function that gets the next reply, after a compaction if one is due. */
export function fitContext(input: FitContext): (signal: AbortSignal) => Promise<ModelAnswer> {
  const { model, transcript, rest, contextTokens } = input;
  const limit = contextTokens * fullShare;
  let measured = { tokens: 0, chars: 0 };
  let fewest = 0;
  const tokens = () => measured.tokens + (transcript.chars() - measured.chars) / 4;
  const hand = async (messages: readonly Message[], signal: AbortSignal) => {
    const answer = await writeCompaction(model, { ...rest, messages }, signal);
    if (typeof answer !== "string") return answer;
    const keep = countKept(transcript.messages, contextTokens * keptShare * 4);
    await transcript.restart(answer, keep);
    measured = { tokens: 0, chars: 0 };
    fewest = transcript.messages.length + 4; // do not compact again at once if it did not help
    return null;
  };

  return async (signal) => {
    if (tokens() > limit && transcript.messages.length > Math.max(fewest, 2)) {
      input.onCompaction("the context is nearly full: the model writes a summary");
      const trouble = await hand(transcript.messages, signal);
      if (trouble && trouble.kind !== "too_long") return trouble;
    }
    const ask = () => model({ ...rest, messages: transcript.messages, toolChoice: "auto" }, signal);
    let answer = await ask();
    if (answer.kind === "too_long" && transcript.messages.length > 2) {
      input.onCompaction(`${answer.detail}: the model writes a summary`);
      const trouble = await hand(transcript.messages.map(shorten), signal);
      if (trouble && trouble.kind !== "too_long") return trouble;
      if (!trouble) answer = await ask();
    }
    if (answer.kind === "too_long") {
      return { kind: "failed", failure: "out_of_budget", detail: answer.detail, retryAt: null };
    }
    if (answer.kind === "reply" && answer.reply.inputTokens !== null) {
      measured = { tokens: answer.reply.inputTokens, chars: transcript.chars() };
    }
    return answer;
  };
}

const fullShare = 0.8;
const keptShare = 0.15;
const maxKept = 8;

/**
 * Asks for the summary, at most twice. Whatever is not in it is lost, so a cut summary, a refusal
 * or text before a tool call is not accepted.
 */
async function writeCompaction(
  model: Model,
  request: Omit<ModelRequest, "toolChoice">,
  signal: AbortSignal,
): Promise<string | Exclude<ModelAnswer, { kind: "reply" }>> {
  const asked = [...request.messages, tell(await compactionRequest())];
  for (const messages of [asked, [...asked, tell(askAgain)]]) {
    const answer = await model(
      { ...request, messages, outputSchema: null, toolChoice: "none" },
      signal,
    );
    if (answer.kind !== "reply") return answer;
    const { finish, text, toolCalls } = answer.reply;
    if (finish === "whole" && toolCalls.length === 0 && text.trim() !== "") return text.trim();
  }
  const detail = "the context was full, and the model wrote no whole summary to go on from, twice";
  return { kind: "failed", failure: "out_of_budget", detail, retryAt: null };
}

const askAgain =
  "That was no whole summary. Write it now, shorter and in words alone: no tool is run any more.";

/** How many of the last messages stay unchanged: few, small, and no result without its call. */
function countKept(messages: readonly Message[], maxChars: number): number {
  let kept = 0;
  let chars = 0;
  for (let i = messages.length - 1; i > 1 && messages.length - i <= maxKept; i--) {
    const message = messages[i];
    if (!message) break;
    chars += countChars(message);
    if (chars > maxChars) break;
    if (message.role !== "tool") kept = messages.length - i;
  }
  return kept;
}

/** Cuts long results and arguments, visibly, to summarize a transcript that is already too long. */
function shorten(message: Message): Message {
  switch (message.role) {
    case "tool":
      return { ...message, text: cutMiddle(message.text, 500) };
    case "assistant":
      return {
        ...message,
        toolCalls: message.toolCalls.map((call) =>
          call.arguments.length <= 1_000
            ? call
            : { ...call, arguments: JSON.stringify({ shortened: cutMiddle(call.arguments, 400) }) },
        ),
      };
    default:
      return message;
  }
}

/** Context sizes by prefix of the model's name; the option `contextTokens` takes precedence. */
const contexts: readonly [RegExp, number][] = [
  [/^(?:openai\/)?gpt-(?:5|6)/, 272_000],
  [/^(?:openai\/)?(?:gpt-4\.1|.*gemini)/, 1_000_000],
  [/^(?:openai\/)?o[134]/, 200_000],
  [/^(?:google\/)?gemini/, 1_000_000],
  [/claude/, 200_000],
  [/^(?:openai\/)?gpt-4(?!o|-turbo|\.)/, 8_000],
];
const usualContext = 128_000;

export function contextOf(model: string): number {
  return contexts.find(([pattern]) => pattern.test(model.toLowerCase()))?.[1] ?? usualContext;
}
