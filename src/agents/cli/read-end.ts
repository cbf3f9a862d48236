import type { FailureKind } from "../../core/failure.ts";
import type { Role } from "../../core/usage.ts";
import { type AgentEnd, endWith } from "../agent.ts";
import { cleanText, cutText, cutToTail } from "../clean-text.ts";
import type { CallFailure } from "../gateway/judge-failure.ts";
import { findKill, type LimitedResult } from "../killed.ts";
import type { Cli } from "./cli.ts";
import { askToLogIn } from "./lend-login.ts";

/**
 * How a program's run ended, as one EndReason. The first that is true decides:
 *
 * | what happened                              | reason        | failure                        |
 * | the caller stopped it                      | cancelled     |                                |
 * | out of time, and it had not said that it was done | timed_out | timed_out                   |
 * | the budget refused a model call            | out_of_budget | out_of_budget                  |
 * | the gateway stopped it, or its last call failed | gave_up  | what the gateway says          |
 * | it is not there                            | gave_up       | agent_unavailable              |
 * | killed by a signal that is not ours        | crashed       | killed                         |
 * | its own login does not work                | needs_input   | question; not of a coder: gave_up, agent_unavailable |
 * | it failed without a word of its own, its output stops at a prompt | needs_input | question |
 * | it says that it failed, or never finished  | gave_up       | by its words, else agent_failed |
 * | it finished                                | done          |                                |
 *
 * What it said of its work counts more than how its process ended: one that said it was done and then
 * hung until its time was over, or was killed on its way out, is done. The checks see to the rest.
 */
export type CliOutcome = {
  finished: boolean;
  /** What it says went wrong. */
  failed: string | null;
  answer: string | null;
  trouble: CallFailure | null;
  /** Where its output stopped, when that reads like a question: see find-prompt.ts. */
  prompt: string | null;
  /** The caller's signal, not the gateway's. */
  isCancelled: boolean;
  timeoutMs: number;
  /** Who works with the program's own login; null: it has the gateway. */
  ownLogin: Role | null;
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
  const { kind, advice, retryAt, isLogin } = classifyWords(words, cli, Date.now());
  const said = words === "" ? `exit ${result.exitCode} without a word` : words;
  if (isLogin && outcome.ownLogin !== null) {
    const problem = `the login of ${cli.name} does not work (${cutText(cleanText(said), 300)})`;
    const { outputTail } = end("gave_up", kind, said);
    return { ...askToLogIn(cli, outcome.ownLogin, problem), outputTail };
  }
  return end("gave_up", kind, `${cli.name}: ${said}${advice}`, retryAt);
}

/** With its own login a program's words are all there is. */
export function classifyWords(
  words: string,
  { logIn }: Pick<Cli, "logIn">,
  now: number,
): { kind: FailureKind; advice: string; retryAt: Date | null; isLogin?: true } {
  if (
    /not logged in|please run \/login|log ?in again|invalid api key|unauthorized|authentication|\b401\b|missing environment variable|no api key|oauth\/token|token (?:has |is )?expired|AuthError|refresh[ _]token|could not be refreshed|sign(?:ing)? in again/i.test(
      words,
    )
  ) {
    const advice = `; log in with \`${logIn}\``;
    return { kind: "agent_unavailable", advice, retryAt: null, isLogin: true };
  }
  if (
    /\bmodel\b.{0,80}\b(?:not (?:supported|found|exist|available)|may not exist)|(?:unknown|invalid|unsupported) model|model not found/i.test(
      words,
    )
  ) {
    const advice = "; correct `model` of the role, or leave it out for the program's own choice";
    return { kind: "agent_unavailable", advice, retryAt: null };
  }
  if (/usage limit|hit your limit|limit reached|out of (?:extra )?usage|quota/i.test(words)) {
    return { kind: "usage_window", advice: "", retryAt: readResetTime(words, now) };
  }
  if (
    /rate.?limit|overloaded|too many requests|\b(?:429|5\d\d)\b|timed? ?out|network|connect|stream/i.test(
      words,
    )
  ) {
    return { kind: "model_unavailable", advice: "", retryAt: null };
  }
  return { kind: "agent_failed", advice: "", retryAt: null };
}

/** `…limit reached|1795240000` (seconds), or `try again in 3 days 2 hours 5 minutes`. */
function readResetTime(words: string, now: number): Date | null {
  const stamp = /\|(\d{10})\b/.exec(words)?.[1];
  if (stamp) return new Date(Number(stamp) * 1_000);
  const span = /(?:try again|resets?) in ((?:(?:and )?\d+\s*[a-z]+[ ,]*)+)/i.exec(words)?.[1];
  if (!span) return null;
  const unitMs: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };
  const ms = [...span.matchAll(/(\d+)\s*([dhms])/gi)].reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (unitMs[unit.toLowerCase()] ?? 0),
    0,
  );
  return ms === 0 ? null : new Date(now + ms);
}

function lastLine(output: string): string {
  const lines = cleanText(output).split("\n");
  const line = lines.findLast((text) => text.trim() !== "" && !text.trim().startsWith("{"));
  return cutText(line?.trim() ?? "", 300);
}
