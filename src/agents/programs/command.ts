import { join } from "node:path";
import { z } from "zod";
import { readChoices } from "../../core/attention/choices.ts";
import { cleanText, cutText, cutToTail } from "../../core/text/clean-text.ts";
import { type Agent, type AgentEnd, type AgentRun, endWith } from "../agent.ts";
import { watchForPrompt } from "../find-prompt.ts";
import { findKill, type LimitedResult } from "../words/killed.ts";
import { reportLines } from "../words/report-lines.ts";
import { type CommandPace, openCommandSession, writeOwnFile } from "./command-session.ts";

/**
 * Any program as an agent: a codemod, a formatter, another agent. It runs by `sh -c` in the
 * worktree, reads its brief on stdin or from the file in DEPUTY_BRIEF_FILE, and reports by its exit
 * code. The last line of its stdout that is a JSON object, if any, may carry `summary`, `question` (with
 * `options`, two to four short answers), `discoveries`, `follow_ups` (each with `title`, `brief`, `writes`) and, where an answer by a
 * schema is wanted, `output`; nothing else in it is read.
 *
 * | what happens                        | reason      | failure           |
 * | exit 0                              | done        |                   |
 * | exit 0 with a question              | needs_input | question          |
 * | another one, and its output stops at a prompt | needs_input | question |
 * | another exit code                   | gave_up     | agent_failed      |
 * | exit 126 or 127, or did not start   | gave_up     | agent_unavailable |
 * | out of time, unless it ends with exit 0 all the same | timed_out | timed_out |
 * | aborted                             | cancelled   |                   |
 * | killed by a signal that is not ours | crashed     | killed            |
 */
export function makeCommandAgent(command: string, pace: CommandPace = {}): Agent {
  return async (run) => {
    const work = await openCommandSession(run, pace);
    const briefFile = join(run.scratch, "brief.md");
    writeOwnFile(briefFile, work.brief);
    const lines = reportLines((text) => run.emit({ kind: "text", text }));
    const prompts = watchForPrompt();
    work.watch();
    const result = await run.runCommand({
      argv: ["sh", "-c", command],
      cwd: run.worktree,
      env: {
        ...run.env,
        DEPUTY_BRIEF_FILE: briefFile,
        DEPUTY_SAID_FILE: work.saidFile,
        DEPUTY_MODE: run.mode,
        ...(work.isContinued ? { DEPUTY_CONTINUES: "1" } : {}),
      },
      input: work.stdin,
      timeoutMs: run.timeoutMs,
      signal: run.signal,
      logPath: run.logPath,
      onOutput: (chunk, stream) => {
        lines.add(chunk, stream);
        prompts.add(chunk, stream);
      },
    });
    lines.flush();
    const prompt = prompts.find();
    const end = readEnd(command, result, run, prompt);
    const { question } = end;
    if (question !== null) run.emit({ kind: "question", text: question });
    await work.end({
      asked: question === null ? null : { question, isPrompt: question === prompt },
      wasInterrupted: run.signal.aborted || end.failure === "killed",
    });
    return end;
  };
}

/** Maps the result of the process to the end of the attempt. */
function readEnd(
  command: string,
  result: LimitedResult,
  { timeoutMs, outputSchema }: Pick<AgentRun, "timeoutMs" | "outputSchema">,
  prompt: string | null,
): AgentEnd {
  const said = readLastJson(result.stdout);
  const end = (reason: AgentEnd["reason"], failure: AgentEnd["failure"], detail: string) =>
    endWith(reason, failure, cutText(cleanText(detail), 500), {
      outputTail: cutToTail(cleanText(result.output), 8_000),
      summary: said.summary ?? null,
      discoveries: said.discoveries ?? [],
      followUps: said.follow_ups ?? [],
      output: outputSchema ? (said.output ?? null) : null,
    });

  switch (result.endedBy) {
    case "abort":
      return end("cancelled", null, "stopped on request");
    case "timeout":
      // Exit 0 counts even if it came late; the checks judge the work as usual.
      if (result.exitCode === 0) break;
      return end("timed_out", "timed_out", `timed out after ${Math.round(timeoutMs / 1000)} s`);
    case "not_started":
      return end(
        "gave_up",
        "agent_unavailable",
        `the command could not start: ${result.error}${result.missed ? `; ${result.missed}` : ""}`,
      );
    case "exit":
      break;
  }
  const kill = findKill(result);
  if (kill) return end("crashed", kill.failure, kill.detail);
  if (result.exitCode === 126 || result.exitCode === 127) {
    const program = namedByShell(result.output) ?? firstProgram(command);
    const why = result.exitCode === 127 ? "was not found" : "could not be executed";
    return end(
      "gave_up",
      "agent_unavailable",
      `the program "${program}" ${why} (exit ${result.exitCode}); ${result.missed ?? "install it or correct the command"}`,
    );
  }
  if (result.exitCode !== 0 && prompt !== null) {
    return { ...end("needs_input", "question", "stopped at a prompt"), question: prompt };
  }
  if (result.exitCode !== 0) {
    const words = tellingLine(result.output);
    return end(
      "gave_up",
      "agent_failed",
      `exit ${result.exitCode}${words === "" ? "" : `: ${words}`}`,
    );
  }
  if (said.question) {
    const { question } = said;
    const choices = readChoices(said.options);
    return { ...end("needs_input", "question", "asked a question"), question, choices };
  }
  const isLate = result.endedBy === "timeout";
  const late = `, later than its limit of ${Math.round(timeoutMs / 1000)} s`;
  // A program such as a formatter ends well where there is nothing for it to do, and says no more.
  return { ...end("done", null, `exit 0${isLate ? late : ""}`), nothingToDo: true };
}

const shortText = (max: number) =>
  z
    .string()
    .transform((text) => cutText(cleanText(text.trim()), max))
    .refine((text) => text !== "");

const followUpSchema = z.object({
  title: shortText(200),
  brief: shortText(16_000),
  writes: z.array(shortText(500)).max(100).default([]),
});

/** Keeps the valid items, at most twenty. */
const listOf = <Item>(schema: z.ZodType<Item>) =>
  z.array(z.unknown()).transform((items) =>
    items
      .flatMap((item) => {
        const parsed = schema.safeParse(item);
        return parsed.success ? [parsed.data] : [];
      })
      .slice(0, 20),
  );

/** A key of the wrong shape counts as missing: the line may be any program's log. */
const saidSchema = z.object({
  summary: shortText(4_000).optional().catch(undefined),
  question: shortText(4_000).optional().catch(undefined),
  options: z.unknown().optional(),
  discoveries: listOf(shortText(1_000)).optional().catch(undefined),
  follow_ups: listOf(followUpSchema).optional().catch(undefined),
  /** The caller validates it; the whole object if the key is missing. */
  output: z.unknown().optional(),
});

function readLastJson(stdout: string): z.infer<typeof saidSchema> {
  const lines = stdout.split("\n");
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = lines[i]?.trim() ?? "";
    if (!line.startsWith("{") || !line.endsWith("}")) continue;
    try {
      const value: unknown = JSON.parse(line);
      const said = saidSchema.parse(value);
      return "output" in said ? said : { ...said, output: value };
    } catch {
      // looks like JSON but is not; an earlier line may be
    }
  }
  return {};
}

/** The last output line that mentions an error, else the last line. */
function tellingLine(output: string): string {
  const lines = cleanText(output)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const speaking = lines.filter(
    (line) =>
      /error|fail|fatal|cannot|not found/i.test(line) && !/complete log of this run/.test(line),
  );
  return cutText(speaking.at(-1) ?? lines.at(-1) ?? "", 200);
}

/** The program that the shell could not run: `sh: 1: prettier: not found`. */
function namedByShell(output: string): string | null {
  const pattern =
    /^\S*sh: (?:line )?(?:\d+: )?(.{1,200}?): (?:command )?(?:not found|Permission denied|Exec format error)/gim;
  return [...output.matchAll(pattern)].at(-1)?.[1]?.replace(/^exec: /, "") ?? null;
}

function firstProgram(command: string): string {
  const words = command.trim().split(/\s+/);
  return words.find((word) => !/^[A-Za-z_]\w*=/.test(word)) ?? command;
}
