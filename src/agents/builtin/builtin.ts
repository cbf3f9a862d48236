import { type Agent, type AgentRun, endWith } from "../agent.ts";
import { cleanText, cutText } from "../clean-text.ts";
import { AttemptLog } from "./attempt-log.ts";
import { openChatCompletions } from "./chat-completions.ts";
import { limitTime } from "./limit-time.ts";
import { runLoop, type Transcript } from "./loop.ts";
import type { Message } from "./model.ts";
import { writeSystemPrompt } from "./prompts.ts";
import { defaultRetryLimits, type RetryLimits, retryCall } from "./retry-call.ts";
import { makeAskTool } from "./tools/ask.ts";
import { makeBashTool, type ToolSurroundings } from "./tools/bash.ts";
import { makeEditTool } from "./tools/edit.ts";
import { makeFinishTool } from "./tools/finish.ts";
import { makeReadTool } from "./tools/read.ts";
import { makeSearchTool } from "./tools/search.ts";
import type { Tool } from "./tools/tool.ts";
import { makeWriteTool } from "./tools/write.ts";

/**
 * The agent that comes with Deputy: a model, a handful of tools and the loop between them. This file
 * puts them together for one run and counts what the model used. Each run has its own of everything.
 */
export type BuiltinOptions = {
  apiKey: string;
  /** Null: OpenAI's. */
  baseUrl: string | null;
  model: string;
  /** How long the model server may be silent in one call. Default five minutes. */
  idleTimeoutMs?: number;
  retry?: Partial<RetryLimits>;
  fetch?: typeof fetch;
};

export function makeBuiltinAgent(options: BuiltinOptions): Agent {
  return async (run) => {
    const log = new AttemptLog(run.logPath, options.apiKey);
    const counting: Promise<void>[] = [];
    const { signal, cause, release } = limitTime(run.signal, run.timeoutMs);
    try {
      const callOnce = await openChatCompletions({
        apiKey: options.apiKey,
        baseUrl: options.baseUrl,
        model: options.model,
        idleTimeoutMs: options.idleTimeoutMs ?? 300_000,
        ...(options.fetch ? { fetch: options.fetch } : {}),
        onUsage: (tokens, latencyMs) => {
          const call = { model: options.model, tokens, latencyMs, costUsd: null };
          run.emit({ kind: "usage", call });
          counting.push(run.meter.count(call));
        },
      });
      const model = retryCall(callOnce, { ...defaultRetryLimits, ...options.retry }, (sentence) => {
        log.add(`── ${sentence} ──`);
        run.emit({ kind: "text", text: sentence });
      });
      const transcript = openTranscript(log);
      await transcript.append(
        { role: "system", text: await writeSystemPrompt(run.mode, run.worktree) },
        { role: "user", text: run.brief },
      );
      const { reason, failure, detail, summary, question } = await runLoop({
        model,
        tools: makeTools(run, signal),
        transcript,
        maxTurns: run.maxTurns,
        signal,
        emit: (event) => {
          if (event.kind === "turn") log.add(`── turn ${event.number} ──`);
          run.emit(event);
        },
      });
      const timedOut = reason === "cancelled" && cause() === "timeout";
      const words = timedOut ? `timed out after ${Math.round(run.timeoutMs / 1000)} s` : detail;
      log.add(`── ended: ${timedOut ? "timed_out" : reason}: ${words} ──`);
      await Promise.all(counting);
      return endWith(
        timedOut ? "timed_out" : reason,
        timedOut ? "timed_out" : failure,
        cutText(cleanText(words), 500),
        {
          outputTail: log.tail(),
          summary: summary && cutText(cleanText(summary), 12_000),
          question: question && cleanText(question),
        },
      );
    } finally {
      release();
      await log.flush();
    }
  };
}

/** Without the write mode there is no tool that could change a file: bash can, so it is not there. */
function makeTools(run: AgentRun, signal: AbortSignal): Tool[] {
  const surroundings: ToolSurroundings = { ...run, signal };
  const looking = [makeReadTool(run.worktree), makeSearchTool(surroundings)];
  const changing = [
    makeBashTool(surroundings),
    makeEditTool(run.worktree),
    makeWriteTool(run.worktree),
  ];
  const ending = [makeAskTool(), makeFinishTool()];
  return run.mode === "write" ? [...looking, ...changing, ...ending] : [...looking, ...ending];
}

function openTranscript(log: AttemptLog): Transcript {
  const messages: Message[] = [];
  return {
    messages,
    async append(...added) {
      messages.push(...added);
      for (const message of added) log.addMessage(message);
    },
  };
}
