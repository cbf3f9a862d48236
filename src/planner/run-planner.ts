import { mkdir, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { AgentEvent, RoleEnd, RoleRequest, RunRole } from "../agents/agent.ts";
import type { Sparse } from "../core/settings/sparse.ts";
import type { PlanShape } from "../core/task/plan.ts";
import {
  type PlannerAnswer,
  plannerOutputSchema,
  readPlannerAnswer,
} from "../core/task/planner-answer.ts";
import { cleanText } from "../core/text/clean-text.ts";
import type { Db } from "../store/database/schema.ts";
import { setAttemptLog } from "../store/tasks/attempts.ts";
import { describeTried, type TryCommand } from "../verifier/checks/try-commands.ts";
import { discardWorktree, renewWorktree } from "../worktree/checkout/worktree.ts";
import type { Mirror } from "../worktree/mirror/mirror.ts";
import { tryChecks } from "./try-checks.ts";
import {
  type PlannerBrief,
  writePlannerBrief,
  writePlannerContinuation,
} from "./write-planner-brief.ts";

/**
 * Ask a planner for a plan. It reads in a worktree of its own at the base commit, which is deleted
 * afterwards with anything it wrote. An invalid answer gets one more try, with the reason; a second
 * invalid answer is refused. A plan whose checks prove nothing on the base is looked at once more by
 * its author (try-checks.ts), and stands if nothing better comes of it. With a session it continues where it was interrupted.
 */
type PlannerRequest = Pick<
  RoleRequest,
  | "about"
  | "agent"
  | "asked"
  | "baseCommit"
  | "env"
  | "logPath"
  | "sessionId"
  | "signal"
  | "timeoutMs"
> & {
  mirror: Mirror;
  /** A folder for planners' worktrees. */
  workRoot: string;
  brief: Omit<PlannerBrief, "again" | "instructions" | "tried">;
  /** The part of the tree that it reads in; null: all of it. */
  sparse: Sparse | null;
  /** Runs a command on the base, as checks are run; null: nothing may run yet. */
  tryCommand: TryCommand | null;
  /** Plans that must not be made again. */
  failedPlans: readonly PlanShape[];
  emit: (event: AgentEvent) => void;
};

type PlannerResult =
  | { kind: "planned"; answer: PlannerAnswer; problem: string | null }
  /** It answered twice, both times without a valid plan. */
  | { kind: "refused"; detail: string }
  /** It ended without an answer. */
  | { kind: "ended"; end: RoleEnd };

export async function runPlanner(
  { db, runRole }: { db: Db; runRole: RunRole },
  request: PlannerRequest,
): Promise<PlannerResult> {
  const { about, baseCommit, mirror, sparse, workRoot } = request;
  if (about.attemptId) await setAttemptLog(db, about.attemptId, request.logPath);
  await mkdir(workRoot, { recursive: true });
  const path = join(await realpath(workRoot), `plan-${about.subtaskId ?? about.taskId}`);
  try {
    await renewWorktree(mirror, path, baseCommit, "filled", sparse);
    return await ask(runRole, request, path);
  } finally {
    await discardWorktree(mirror, path);
  }
}

async function ask(
  runRole: RunRole,
  request: PlannerRequest,
  worktree: string,
): Promise<PlannerResult> {
  const { mirror, workRoot: _, brief, failedPlans, sparse, tryCommand, ...rest } = request;
  const renew = () => renewWorktree(mirror, worktree, rest.baseCommit, "filled", sparse);
  const instructions = (await readFile(promptFile, "utf8")).trim();
  const mayPlan = brief.part === null;
  let again: PlannerBrief["again"] = null;
  /** A plan that can be run, and what was seen of its checks. */
  let first: { answer: PlannerAnswer; tried: string } | null = null;
  let { sessionId } = request;
  const writeMessage = (): string => {
    if (sessionId !== null && first !== null) return `${first.tried}\n`;
    if (sessionId !== null && again === null) return writePlannerContinuation(brief);
    // After a bad answer the full brief is sent again: not every agent remembers.
    return writePlannerBrief({ ...brief, instructions, again, tried: first?.tried ?? null });
  };
  for (;;) {
    const end: RoleEnd = await runRole({
      ...rest,
      ...(tryCommand && {
        tryCommand: async (command: string, signal: AbortSignal) =>
          describeTried(await tryCommand(command, signal)),
      }),
      role: "planner",
      mode: "read_only",
      outputSchema: plannerOutputSchema,
      brief: writeMessage(),
      worktree,
      sparse,
      gitDir: mirror.gitDir,
      sessionId,
    });
    const problem = again?.problem ?? null;
    // The plan that there is is good enough for whatever else ended the second look at it.
    if (first !== null && end.reason !== "done" && !isHeard(end, request.signal))
      return { kind: "planned", answer: first.answer, problem };
    if (end.reason !== "done") return { kind: "ended", end };
    const output = clean(end.output);
    const read =
      output === null || output === undefined
        ? { problem: "it held no plan: there was no JSON object that fits the schema" }
        : readPlannerAnswer(output, mayPlan, failedPlans);
    if (first !== null)
      return { kind: "planned", answer: "answer" in read ? read.answer : first.answer, problem };
    if ("answer" in read) {
      const tried =
        tryCommand && (await tryChecks(read.answer, brief.checks, tryCommand, request.signal));
      if (tried === null) return { kind: "planned", answer: read.answer, problem };
      first = { answer: read.answer, tried };
      await renew();
      sessionId = end.sessionId;
      continue;
    }
    if (again) {
      const detail = `the planner was asked twice and gave no plan that can be run: first ${again.problem}; then ${read.problem}`;
      return { kind: "refused", detail };
    }
    again = { problem: read.problem, answer: output };
    await renew();
    sessionId = end.sessionId;
  }
}

/** A question goes to a person, and a stop is obeyed, whatever plan there is. */
function isHeard(end: RoleEnd, signal: AbortSignal): boolean {
  return signal.aborted || end.question !== null;
}

/** The relative path is the same from `src/planner` and `dist/planner`. */
const promptFile = new URL("../../prompts/planner.md", import.meta.url);

/** Removes characters that cannot be stored or shown from a model's answer. */
function clean(value: unknown): unknown {
  if (typeof value === "string") return cleanText(value);
  if (Array.isArray(value)) return value.map(clean);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clean(inner)]));
}
