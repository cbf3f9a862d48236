import { cleanText, cutText } from "../../core/text/clean-text.ts";
import { type Agent, type AgentRun, endWith } from "../agent.ts";
import { AttemptLog } from "./attempt-log.ts";
import { noConventions, openConventions } from "./conventions.ts";
import { contextOf, fitContext } from "./fit-context.ts";
import { limitTime } from "./limit-time.ts";
import { endByTool, type LoopEnd, runLoop } from "./loop.ts";
import { openModel } from "./model/call-model.ts";
import type { Message } from "./model/model.ts";
import type { RetryLimits } from "./model/retry-call.ts";
import type { WireName } from "./model/wire.ts";
import { type OpenTools, openTools } from "./open-tools.ts";
import { writeSystemPrompt } from "./prompts.ts";
import {
  collectReports,
  countCalls,
  findFolder,
  finishAgain,
  resumeTranscript,
  uniqueReports,
} from "./resume.ts";
import { findSkills, listSkills } from "./skills.ts";
import type { Tool } from "./tools/tool.ts";
import { openTranscript, readEntries, tell } from "./transcript.ts";

/**
 * The agent that comes with Deputy: a model, a few tools and the loop between them. This file
 * assembles them for one run; runs share nothing.
 */
export type BuiltinOptions = {
  apiKey: string;
  /** Null: OpenAI's. */
  baseUrl: string | null;
  model: string;
  /** The server's protocol. Default `auto`: see `open-server.ts`. */
  wire?: "auto" | WireName;
  /** Default: derived from the model's name. */
  contextTokens?: number;
  retry?: Partial<RetryLimits>;
  /** The tools of MCP servers, added to the agent's own. */
  extraTools?: readonly Tool[];
  fetch?: typeof fetch;
};

export function makeBuiltinAgent(options: BuiltinOptions): Agent {
  return async (run) => {
    const log = new AttemptLog(run.logPath, options.apiKey);
    const { signal, cause, release } = limitTime(run.signal, run.timeoutMs);
    try {
      const { reports, ...ended } = await work(run, options, log, signal);
      const timedOut = ended.reason === "cancelled" && cause() === "timeout";
      const reason = timedOut ? "timed_out" : ended.reason;
      const words = timedOut
        ? `timed out after ${Math.round(run.timeoutMs / 1000)} s`
        : ended.detail;
      log.add(`── ended: ${reason}: ${words} ──`);
      const failure = timedOut ? "timed_out" : ended.failure;
      return endWith(reason, failure, cutText(cleanText(words), 500), {
        ...uniqueReports(reports),
        output: ended.output,
        nothingToDo: ended.nothingToDo,
        retryAt: ended.retryAt,
        outputTail: log.tail(),
        summary: ended.summary && cutText(cleanText(ended.summary), 12_000),
        question: ended.question && cleanText(ended.question),
        choices: ended.choices,
      });
    } finally {
      release();
      await log.close();
    }
  };
}

async function work(
  run: AgentRun,
  options: BuiltinOptions,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<LoopEnd & Pick<OpenTools, "reports">> {
  const note = (sentence: string) => {
    log.add(`── ${sentence} ──`);
    run.emit({ kind: "text", text: sentence });
  };
  const emit: AgentRun["emit"] = (event) => {
    if (event.kind === "turn") log.add(`── turn ${event.number} ──`);
    run.emit(event);
  };
  const isWriting = run.mode === "write";
  // The commit a reader reads may come from a stranger, and so may its rules and skills.
  const conventions = isWriting
    ? openConventions(run.worktree, () => transcript.messages)
    : noConventions;
  const [{ model, counted }, skills, rootConventions] = await Promise.all([
    openModel(run, serverOptions(options, run), note),
    isWriting ? findSkills(run.worktree) : [],
    conventions.readRoot(),
  ]);
  const entries = readEntries(run.session.entries);
  const { tools, report, reports, readWords } = openTools(run, {
    signal,
    touch: conventions.touch,
    skills,
    extra: options.extraTools ?? [],
    startIn: "problem" in entries ? "" : findFolder(entries),
    callsOf: (tool) => ("problem" in entries ? 0 : countCalls(entries, tool)),
  });
  if ("problem" in entries) return { ...unreadable, detail: entries.problem, reports };
  const transcript = openTranscript(entries, run.session, log);
  if (entries.length > 0) {
    await collectReports(entries, report, run.isCutOff !== true);
    const finished = run.isCutOff ? await finishAgain({ transcript, tools, emit }) : null;
    if (finished) return { ...endByTool(finished), reports };
    await resumeTranscript({ transcript, brief: run.brief, tools, emit });
  } else {
    const sections = [listSkills(skills), rootConventions];
    const system: Message = { role: "system", text: await writeSystemPrompt(run.mode, sections) };
    await transcript.append(system, tell(run.brief));
  }
  const end = await runLoop({
    ask: fitContext({
      model,
      transcript,
      rest: { tools, outputSchema: run.outputSchema },
      contextTokens: options.contextTokens ?? contextOf(options.model),
      onCompaction: (sentence) => {
        note(sentence);
        conventions.forget();
      },
    }),
    tools,
    transcript,
    maxTurns: run.maxTurns,
    signal,
    emit,
    listen: async () => [
      ...(await conventions.takeNew()),
      ...(await run.takeMessages()).map((words) => `A person says:\n\n${words}`),
    ],
    readWords,
  });
  await counted();
  if (end.question !== null) run.emit({ kind: "question", text: end.question });
  return { ...end, reports };
}

const unreadable: LoopEnd = {
  reason: "gave_up",
  failure: "agent_failed",
  detail: "",
  summary: null,
  nothingToDo: false,
  question: null,
  choices: [],
  output: null,
  retryAt: null,
};

function serverOptions(options: BuiltinOptions, run: AgentRun) {
  const { apiKey, baseUrl, model, wire, retry, fetch } = options;
  return { apiKey, baseUrl, model, wire, retry, fetch, idleTimeoutMs: run.modelSilenceMs };
}
