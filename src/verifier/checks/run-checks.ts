import { existsSync } from "node:fs";
import { scrubbedEnvironment } from "../../core/base/child-environment.ts";
import { invariant } from "../../core/base/invariant.ts";
import { type Check, type CheckRun, killedWords, wasKept } from "../../core/proof/verdict.ts";
import type { Service, ServicesRun } from "../../core/settings/service.ts";
import { cleanText } from "../../core/text/clean-text.ts";
import { describeFailure } from "../../core/text/telling-line.ts";
import type { ConfinedResult } from "../../sandbox/box/sandbox.ts";
import type { ProcessIdentity } from "../../sandbox/process/process-identity.ts";
import type { CommandSpec } from "../../sandbox/process/run-command.ts";
import { readContainedFile, removeContained } from "../../worktree/git/contain-path.ts";
import { maxParsedLength } from "../parsers/test-list.ts";
import { type CheckRole, type ConfinedPlace, unconfined } from "../place/confine-checks.ts";
import { type NameTests, unnamed } from "../tests/name-tests.ts";
import { besideServices, describeFailed, describeServiceOutput } from "./beside-services.ts";
import { describeCrash } from "./explain-run.ts";
import { findFailurePassages } from "./failure-passages.ts";

/**
 * Runs one check once on the worktree: green (exit 0), red (any other exit code), or inconclusive
 * when the command could not start, timed out or was killed. The command gets no terminal, no
 * input, no variable of the daemon and `CI=1`, which keeps runners from watching and from writing
 * snapshots.
 */
export type CheckPlace = {
  worktree: string;
  commit: string;
  /** Variables added to the scrubbed environment, for example PORT. */
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  onProcess: (identity: ProcessIdentity) => void;
  /** The sandbox of the commands; left out: they run as the daemon's user. */
  confined?: ConfinedPlace;
  /** Makes runners name their tests; left out: their output is used as it is. */
  nameTests?: NameTests;
  /** Started for each check, in its box; left out: none. */
  services?: readonly Service[];
  /** A folder beside the worktree that commands may write; needed where there are services. */
  reports?: string;
};

const keepBytes = 8 * 1024 * 1024;
const tailLines = 60;
const tailLength = 6_000;
/** The whole output of `python3 -m pytest` without pytest; it exits like failing tests. */
const missingRunner = /^\s*\S*python[\d.]*(?:\.exe)?: No module named '?pytest'?\s*$/;

/** Runs the check. Throws the signal's reason when aborted, never for what the command does. */
export async function runCheck(
  check: Check,
  place: CheckPlace,
  logPath: string | null,
  role: CheckRole = "check",
): Promise<CheckRun> {
  place.signal.throwIfAborted();
  // A report from an earlier run, or from the commit, is not this run's.
  if (check.report !== null) await removeReport(place.worktree, check.report);
  const startedAt = new Date().toISOString();
  const confined = place.confined ?? unconfined;
  const runOnce = async () => {
    // New for each run, so that two runs never share a report.
    const named = await (role === "check" && place.nameTests ? place.nameTests : unnamed)(check);
    const command = ["sh", "-c", named.command] as const;
    const services = role === "check" ? (place.services ?? []) : [];
    invariant(place.reports !== undefined || services.length === 0, "services have a folder");
    const beside = await besideServices(services, place.reports ?? "", command, named.env);
    const spec = {
      argv: beside?.argv ?? command,
      cwd: place.worktree,
      // What makes runners name their tests is not for services.
      env: scrubbedEnvironment({ ...place.env, ...(beside ? {} : named.env), CI: "1" }),
      timeoutMs: check.timeoutMs + (beside?.extraMs ?? 0),
      signal: place.signal,
      keepBytes,
      ...(logPath ? { logPath } : {}),
      onStarted: place.onProcess,
    } satisfies CommandSpec;
    const result = await confined[role](spec);
    place.signal.throwIfAborted();
    if (result.denials.length > 0) confined.onDenials(role, check, result.denials);
    const ran = beside ? await beside.read(logPath) : undefined;
    return { named, result, ran, ...describeEnding(result, check.timeoutMs, ran) };
  };
  let once = await runOnce();
  // The kernel ran out of memory, or somebody ended a process by mistake: rarely twice.
  if (wasKept(once)) once = await runOnce();
  const { detail, failedService, named, ran, result, status } = once;
  const hasRun = failedService === undefined;
  // Loaded late: parsers are libraries that a daemon without checks does not need.
  const { parseTestResults } = await import("../tests/parse-test-results.ts");
  const report = check.report === null ? null : await readReport(place.worktree, check.report);
  const inReport = report === null ? null : parseTestResults(report, place.worktree);
  return {
    commit: place.commit,
    startedAt,
    durationMs: result.durationMs,
    exitCode: hasRun ? result.exitCode : null,
    status,
    detail: role === "setup" && status === "red" ? describeFailure(detail, result.output) : detail,
    outputTail: tailOf(`${result.output}${describeServiceOutput(ran?.failed ?? null)}`),
    ...(status === "red" && passagesOf(result.output)),
    logPath: logPath && existsSync(logPath) ? logPath : null,
    tests: hasRun
      ? (inReport ??
        (await named.read(result.output)) ??
        parseTestResults(result.stdout, place.worktree, result.truncatedBytes > 0))
      : null,
    ...(ran && { services: ran.ready }),
    ...(!hasRun && { failedService }),
  };
}

function describeEnding(
  result: ConfinedResult,
  timeoutMs: number,
  /** Null: nothing is known of its services; undefined: it has none. */
  beside: ServicesRun | null | undefined,
): Pick<CheckRun, "status" | "detail" | "failedService"> {
  const inconclusive = (detail: string) => ({ status: "inconclusive" as const, detail });
  const { endedBy, exitCode, limit, signal } = result;
  const missed = result.missed ? `; ${result.missed}` : "";
  const notes = (beside?.notes ?? []).map((note) => `; ${cleanText(note)}`).join("");
  if (limit) return inconclusive(`was stopped by the sandbox: ${limit.detail}`);
  if (endedBy === "not_started") return inconclusive(`could not start: ${result.error}${missed}`);
  if (endedBy === "timeout") return inconclusive(`timed out after ${timeoutMs / 1000} s`);
  if (beside?.failed)
    return { ...inconclusive(describeFailed(beside.failed)), failedService: beside.failed.name };
  const crash = describeCrash(exitCode, signal ?? null);
  if (crash) return { status: "red", detail: crash };
  if (exitCode === null) return inconclusive(`${killedWords} by ${signal ?? "a signal"}`);
  if (exitCode === 126 || exitCode === 127)
    return inconclusive(`could not start: exit ${exitCode}${missed}`);
  if (exitCode === 1 && missingRunner.test(result.output))
    return inconclusive("could not start: pytest is not installed for this Python");
  // A shell's exit codes for a command that SIGKILL or SIGTERM ended.
  if (exitCode === 137 || exitCode === 143) return inconclusive(`${killedWords}: exit ${exitCode}`);
  if (beside === null) return inconclusive("nothing is known of its services");
  return { status: exitCode === 0 ? "green" : "red", detail: `exit ${exitCode}${missed}${notes}` };
}

/** The end of the output for people and briefs: whole lines, without what a database refuses. */
function tailOf(output: string): string {
  const lines = output
    .slice(-tailLength * 2)
    .split("\n")
    .slice(-tailLines)
    .join("\n");
  return Buffer.from(lines.slice(-tailLength).replaceAll("\0", ""), "utf8").toString("utf8").trim();
}

function passagesOf(output: string): Pick<CheckRun, "failures"> {
  const found = findFailurePassages(output);
  return found === null ? {} : { failures: cleanText(found) };
}

async function removeReport(worktree: string, path: string): Promise<void> {
  try {
    await removeContained(worktree, path);
  } catch {
    // It leads out of the worktree: nothing of it is deleted here or read later.
  }
}

async function readReport(worktree: string, path: string): Promise<string | null> {
  try {
    return (await readContainedFile(worktree, path, maxParsedLength))?.toString("utf8") ?? null;
  } catch {
    return null; // not a regular file inside the worktree
  }
}
