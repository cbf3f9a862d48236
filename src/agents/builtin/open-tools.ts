import { join } from "node:path";
import type { AgentRun } from "../agent.ts";
import { findJson, readAnswersBy } from "./output-schema.ts";
import type { Skill } from "./skills.ts";
import { makeAskTool } from "./tools/ask.ts";
import { makeBashTool } from "./tools/bash.ts";
import { makeCheckTool } from "./tools/check.ts";
import { makeEditTool } from "./tools/edit.ts";
import { makeAnswerTool, makeFinishTool, takeAnswers } from "./tools/finish.ts";
import type { Place } from "./tools/place.ts";
import { makeReadTool } from "./tools/read.ts";
import { makeReportTool, type Reports } from "./tools/report.ts";
import { makeSearchTool } from "./tools/search.ts";
import { makeSkillTool } from "./tools/skill.ts";
import type { Tool, ToolAnswer } from "./tools/tool.ts";
import { makeTryTool } from "./tools/try.ts";
import { makeWriteTool } from "./tools/write.ts";

/** The tools of one run and the state they share. */
export type OpenTools = {
  tools: Tool[];
  report: Tool;
  reports: Reports;
  readWords: (text: string) => ToolAnswer | null;
};

/**
 * Without write mode no tool may change a file, so bash is left out too. With an output schema the
 * answer is a call of `finish` or a reply that is its JSON.
 * @throws if the run's output schema is invalid.
 */
export function openTools(
  run: AgentRun,
  given: {
    signal: AbortSignal;
    touch: (path: string) => void;
    skills: readonly Skill[];
    extra: readonly Tool[];
    /** The folder of the worktree in which commands start. */
    startIn: string;
    /** How often a tool was called in the session before this run. */
    callsOf: (tool: string) => number;
  },
): OpenTools {
  const { check, tryCommand, worktree, env, runCommand, outputSchema, mode } = run;
  const { callsOf, signal, touch, skills, extra, startIn } = given;
  const outputs = join(run.scratch, "outputs");
  const place: Place = { worktree, outputs, env, signal, runCommand, touch, seen: new Map() };
  const reports: Reports = { discoveries: [], followUps: [] };
  const report = makeReportTool(reports);
  const take = outputSchema ? takeAnswers(readAnswersBy(outputSchema)) : null;
  const isWriting = mode === "write";
  return {
    tools: [
      makeReadTool(place),
      makeSearchTool(place),
      ...(isWriting
        ? [makeBashTool(place, startIn), makeEditTool(place), makeWriteTool(place)]
        : []),
      ...(check ? [makeCheckTool({ check, signal, before: callsOf("check") })] : []),
      ...(tryCommand ? [makeTryTool({ tryCommand, signal, before: callsOf("try") })] : []),
      ...(skills.length > 0 ? [makeSkillTool(skills)] : []),
      ...extra,
      ...(isWriting ? [report] : []),
      ...(mayAsk(run) ? [makeAskTool()] : []),
      outputSchema && take ? makeAnswerTool(outputSchema, take) : makeFinishTool(),
    ],
    report,
    reports,
    readWords(text) {
      const value = take ? findJson(text) : undefined;
      return value === undefined || !take ? null : take(value);
    },
  };
}

/** Nobody answers a reviewer of somebody's work: what the goal leaves open is a finding, or none. */
function mayAsk({ role, outputSchema }: AgentRun): boolean {
  return role !== "reviewer" || outputSchema === null;
}
