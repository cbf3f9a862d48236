import type { Role } from "../../core/budget/usage.ts";
import type { FailureKind } from "../../core/task/failure.ts";
import { cleanText, cutText, cutToTail } from "../../core/text/clean-text.ts";
import { type AgentEnd, endWith } from "../agent.ts";
import type { CallFailure } from "../gateway/judge-failure.ts";
import { type Cause, classifyWords, localZone } from "../words/classify-words.ts";
import { findKill, type LimitedResult } from "../words/killed.ts";
import { readResetTime } from "../words/reset-time.ts";
import type { Cli } from "./cli.ts";
import { askToMend } from "./lend-login.ts";

/**
 * Maps the end of a program's run to one EndReason. The first matching row decides:
 *
 * | what happened                              | reason        | failure                        |
 * | the caller stopped it                      | cancelled     |                                |
 * | out of time, and it had not reported done  | timed_out     | timed_out                      |
 * | the budget refused a model call            | out_of_budget | out_of_budget                  |
 * | the gateway stopped it, or its last call failed | gave_up  | the gateway's                  |
 * | its provider refused a call for a usage limit | gave_up    | rate_limit_window              |
 * | it could not be started                    | gave_up       | agent_unavailable              |
 * | killed by a signal that is not ours        | crashed       | killed                         |
 * | its own login does not work, or has no credit | needs_input | question; not a coder: gave_up, agent_unavailable |
 * | it failed without a message, its output stops at a prompt | needs_input | question |
 * | it reported a failure, or never finished   | gave_up       | by its words, else agent_failed |
 * | it finished                                | done          |                                |
 *
 * The program's report counts more than the end of its process: one that reported done and then
 * hung until the timeout, or was killed on exit, is done. The checks judge the work.
 */
export type CliOutcome = {
  finished: boolean;
  /** Its own failure message. */
  failed: string | null;
  /** The cause, if the program names one; null: it does not. */
  because: Cause | null;
  /** The account's limit, if the program reported one. */
  limit: Limit | null;
  answer: string | null;
  trouble: CallFailure | null;
  /** Text at which its output stopped, if it reads like a question: see find-prompt.ts. */
  prompt: string | null;
  /** Whether the caller's signal fired, not the gateway's. */
  isCancelled: boolean;
  timeoutMs: number;
  /** The role that uses the program's own login; null: it has the gateway. */
  ownLogin: Role | null;
};

export type Limit = {
  resetsAt: Date | null;
  /** A call was refused for it. Otherwise the limit is used up, which may be the cause. */
  isRefused: boolean;
};

export function readEnd(
  cli: Pick<Cli, "name" | "install" | "logIn">,
  result: LimitedResult,
  outcome: CliOutcome,
): AgentEnd {
  const { trouble, failed, finished, answer, prompt } = outcome;
  const end = (
    reason: AgentEnd["reason"],
    failure: FailureKind | null,
    detail: string,
    retryAt: Date | null = null,
  ) =>
    endWith(reason, failure, cutText(cleanText(detail), 500), {
      outputTail: cutToTail(cleanText(answer ?? result.output), 8_000),
      summary: answer === null ? null : cutText(cleanText(answer.trim()), 12_000),
      retryAt,
    });

  if (outcome.isCancelled) return end("cancelled", null, "stopped on request");
  const saidDone = finished && failed === null;
  if (result.endedBy === "timeout" && !saidDone) {
    return end(
      "timed_out",
      "timed_out",
      `timed out after ${Math.round(outcome.timeoutMs / 1000)} s`,
    );
  }
  const kill = findKill(result);
  const wasStopped = result.endedBy === "timeout" || kill !== null;
  const isWell = saidDone && (result.exitCode === 0 || wasStopped);
  if (trouble && (trouble.isFinal || !isWell)) {
    const reason = trouble.kind === "out_of_budget" ? "out_of_budget" : "gave_up";
    return end(reason, trouble.kind, trouble.detail, trouble.retryAt);
  }
  const { limit } = outcome;
  if (limit?.isRefused && !isWell) {
    const detail = `${cli.name}: ${failed ?? "a usage limit of its account is reached"}`;
    return end("gave_up", "rate_limit_window", detail, limit.resetsAt ?? readTime(failed ?? ""));
  }
  if (result.endedBy === "not_started" || result.exitCode === 127 || result.exitCode === 126) {
    const why = result.error ?? lastLine(result.output);
    return end(
      "gave_up",
      "agent_unavailable",
      `${cli.name} could not start${why === "" ? "" : ` (${why})`}; install it with \`${cli.install}\``,
    );
  }
  if (isWell) {
    const late = wasStopped ? `; its process ended late and was stopped` : "";
    return end("done", null, `finished${late}`);
  }
  if (kill) return end("crashed", kill.failure, `${cli.name} was ${kill.detail}`);
  if (prompt !== null && failed === null && result.exitCode !== 0) {
    const asked = end("needs_input", "question", `${cli.name} stopped at a prompt`);
    return { ...asked, question: prompt };
  }
  const words = failed ?? lastLine(result.output);
  const { because, ownLogin } = outcome;
  const { kind, needs, retryAt } = classifyWords(words, {
    now: new Date(),
    zone: localZone(),
    because,
  });
  const said = words === "" ? `exit ${result.exitCode} without a word` : words;
  if (needs && ownLogin !== null) {
    const what = needs === "login" ? "does not work" : "has no credit left";
    const problem = `the login of ${cli.name} ${what} (${cutText(cleanText(said), 300)})`;
    const { outputTail } = end("gave_up", kind, said);
    return { ...askToMend(needs, cli, ownLogin, problem), outputTail };
  }
  const advice = needs === "login" ? `; log in with \`${cli.logIn}\`` : "";
  const correct = "; correct `model` of the role, or leave it out for the program's own choice";
  const more = kind === "agent_unavailable" && needs === null ? correct : advice;
  const resetsAt = kind === "rate_limit_window" ? (limit?.resetsAt ?? retryAt) : retryAt;
  return end("gave_up", kind, `${cli.name}: ${said}${more}`, resetsAt);
}

function readTime(words: string): Date | null {
  return readResetTime(words, new Date(), localZone());
}

function lastLine(output: string): string {
  const lines = cleanText(output).split("\n");
  const line = lines.findLast((text) => text.trim() !== "" && !text.trim().startsWith("{"));
  return cutText(line?.trim() ?? "", 300);
}
