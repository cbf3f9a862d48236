import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { DeputyError, errorStatus } from "../core/base/error.ts";
import { type Budget, budgetHelp, parseBudget } from "../core/budget/budget.ts";
import { proofLevels } from "../core/proof/proof.ts";
import { taskStates } from "../core/task/lifecycle.ts";
import type { Actions, Machine } from "./actions.ts";
import { CliError, type CliIo, type ExitCode, exitCodes, processIo } from "./io.ts";
import { listAgents } from "./verbs/commands-agents.ts";
import { benchModes, runBench } from "./verbs/commands-bench.ts";
import { addDeviceVerbs } from "./verbs/commands-devices.ts";
import { freezeAll, thawAll } from "./verbs/commands-freeze.ts";
import { addGithubVerbs } from "./verbs/commands-github.ts";
import {
  explainTask,
  type Json,
  listAttention,
  listSnapshots,
  listTasks,
  showDiff,
  showLadder,
  showLog,
  showReceipt,
  showTask,
} from "./verbs/commands-look.ts";
import { addMcpVerbs } from "./verbs/commands-mcp.ts";
import { testPush } from "./verbs/commands-notify.ts";
import { type ProveVerb, proveTask } from "./verbs/commands-prove.ts";
import { type RunOptions, runTask } from "./verbs/commands-run.ts";
import {
  commentOnTask,
  pauseTask,
  resumeTask,
  sayToTask,
  setBudget,
  snoozeTask,
} from "./verbs/commands-steer.ts";
import {
  answerTask,
  cancelTask,
  decideTask,
  type RetryOptions,
  restoreTask,
  retryTask,
} from "./verbs/commands-tell.ts";
import { addTriggerVerbs } from "./verbs/commands-trigger.ts";
import { warmRepository } from "./verbs/commands-warm.ts";
import { watchTask } from "./verbs/commands-watch.ts";

/**
 * The verbs of `deputy`. A verb returns its exit code or throws; an error becomes one sentence on
 * stderr. Wrong usage exits with 2 before anything is started.
 */
export function buildProgram(actions: Actions, machine: Machine, io: CliIo = processIo()): Command {
  const program = new Command("deputy")
    .description("Hand off a task, walk away, come back to a verified branch.")
    .version(readVersion(), "-v, --version")
    .exitOverride((error) => io.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage))
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
    .showHelpAfterError("(deputy --help lists the verbs; deputy VERB --help explains one)")
    .addHelpText("after", afterHelp);

  const verb = (name: string, description: string): Command =>
    program.command(name).description(description).option("--json", "print JSON for programs");
  const end = (work: Promise<ExitCode>) => finish(io, work);
  const idHelp =
    "the task's id, a beginning of it without or with task_, or last (the newest task)";

  program.commandsGroup("The daemon:");
  verb("up", "start the daemon")
    .option("-d, --detach", "leave it running and return once it is ready")
    .option("--host <address>", "address to listen on")
    .option("--port <number>", "port to listen on; 0 takes a free one", port)
    .action((options: Json & { detach?: boolean; host?: string; port?: number }) =>
      end(
        actions.up({
          json: options.json === true,
          detach: options.detach === true,
          host: options.host ?? null,
          port: options.port ?? null,
        }),
      ),
    );
  verb(
    "down",
    "stop the daemon and detached workers; running attempts are parked, nothing is lost",
  ).action((options: Json) => end(actions.down({ json: options.json === true })));
  verb("worker", "take work from the daemon's queue in a process of its own")
    .option("-d, --detach", "leave it running and return once it is ready; deputy down ends it")
    .option("--concurrency <number>", "attempts at once", positiveInteger)
    .action((options: Json & { detach?: boolean; concurrency?: number }) =>
      end(
        actions.worker({
          json: options.json === true,
          detach: options.detach === true,
          concurrency: options.concurrency ?? null,
        }),
      ),
    );
  verb("doctor", "say what is missing on this machine, and what does not work without it").action(
    (options: Json) => end(actions.doctor({ json: options.json === true })),
  );
  verb("demo", "run a complete example on a small repository made on the spot").action(
    (options: Json) => end(actions.demo({ json: options.json === true })),
  );

  program.commandsGroup("Delegate:");
  verb("run", "hand off a task on the git checkout you are in")
    .argument("<goal>", "what to do, in words; - reads it from stdin")
    .option(
      "--agent <name>",
      '"builtin", "codex", "claude", "opencode", "acp:PROGRAM" or "command:PROGRAM AND ARGUMENTS"; see deputy agents',
    )
    .option("--check <command>", "must be green before anything is delivered (repeatable)", collect)
    .option("--plan <file>", "a YAML file with subtasks")
    .option("--mode <mode>", '"auto", "direct" (one subtask) or "plan" (a planner splits it up)')
    .option("--approve-plan", "show the plan first, and run nothing before it is approved")
    .option("--repo <path or URL>", "another repository than the current checkout")
    .option("--base <ref>", "branch, tag or commit to start from")
    .option("--include-uncommitted", "take the checkout's uncommitted changes along, as a commit")
    .option("--fresh", "run setup and the checks of the base anew, with nothing of earlier ones")
    .option("--deliver <how>", '"branch" or "pr"')
    .option("--attach <file>", "give the agent a text file to read (repeatable)", collect)
    .option("--allow-test-changes", "expect the tests themselves to change")
    .option(
      "--allow <path>",
      "a file, folder or glob that may change although it judges the work: tests, snapshots, configuration, workflows (repeatable)",
      collect,
    )
    .option(
      "--proof <level>",
      'how much effort goes into finding out what a green check means: "quick", "standard" or "full"',
    )
    .option(
      "--assurance <level>",
      '"quick" (checks alone), "standard" (one reviewer) or "high" (three)',
    )
    .option(
      "--when-stuck <answer>",
      '"ask" (a person is asked for help with what cannot be finished) or "fail"',
    )
    .option("--timeout <minutes>", "limit of one attempt", positiveNumber)
    .option("--budget <amounts>", `the most that the whole task may spend: ${budgetHelp}`, budget)
    .option("--idempotency-key <key>", "sending the same task twice makes one task")
    .option("-w, --watch", "follow it to its end")
    .action((goal: string, options: RunOptions) => end(runTask(io, goal, options)));
  verb("watch", "follow a task to its end; Ctrl-C detaches")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(watchTask(io, id, { json: options.json === true })));

  verb("bench", "run the same tasks in several modes and compare them")
    .argument("<modes>", `with commas: ${Object.keys(benchModes).join(", ")}`)
    .argument(
      "<folder>",
      "YAML files with a task each: goal, repository, checks, and whatever else it takes",
    )
    .action((modes: string, folder: string, options: Json) =>
      end(runBench(io, modes, folder, options)),
    );

  verb("warm", "run a repository's setup now, so that its next task does not wait for it")
    .argument("[repo]", "a path or URL; by default the current checkout")
    .option("--base <ref>", "branch, tag or commit")
    .action((repo: string | undefined, options: Json & { base?: string }) =>
      end(warmRepository(io, repo, options)),
    );

  program.commandsGroup("Look:");
  verb(
    "inbox",
    "list what needs you: questions, work to accept, failures, Deputy's own troubles",
  ).action((options: Json) => end(listAttention(io, options)));
  verb("ls", "list tasks, newest first")
    .option("--state <state>", `one of ${taskStates.join(", ")}`)
    .option("--limit <number>", "how many", positiveInteger, 20)
    .option("--cursor <cursor>", "continue after an earlier page")
    .action((options: Parameters<typeof listTasks>[1]) => end(listTasks(io, options)));
  verb("show", "show one task")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(showTask(io, id, options)));
  verb("agents", "list the agents of the daemon's machine, and which of them can work").action(
    (options: Json) => end(listAgents(io, options)),
  );
  verb("why", "say what a task waits for, since when, and what happens next")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(explainTask(io, id, options)));
  verb("ladder", "say what recovery did about failed attempts, and what it does next")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(showLadder(io, id, options)));
  verb("log", "print what an attempt printed")
    .argument("<id>", idHelp)
    .option("--attempt <number>", "which attempt; the latest when left out", positiveInteger)
    .option("--subtask <key>", "of this subtask; of any when left out")
    .option("--tail <bytes>", "how much of its end", positiveInteger)
    .action((id: string, options: Parameters<typeof showLog>[2]) => end(showLog(io, id, options)));
  verb("diff", "print the change as a unified diff")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(showDiff(io, id, options)));
  verb("receipt", "print the evidence: checks, attempts, cost, what was not checked")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(showReceipt(io, id, options)));

  verb("prove", "run a delivered task's checks and experiments again, and compare with its receipt")
    .argument("<id>", "the task's id, or a receipt.json, for which no daemon is needed")
    .option(
      "--repository <path or URL>",
      "where its commits are; by default the receipt's, or the current checkout",
    )
    .addOption(
      new Option("--proof <level>", "how much effort to spend; by default the receipt's").choices(
        proofLevels,
      ),
    )
    .action((id: string, options: ProveVerb) => end(proveTask(io, actions, id, options)));

  program.commandsGroup("Decide:");
  for (const [name, description] of [
    ["accept", "merge the delivered branch into the current branch"],
    ["update", "merge what its base got since into delivered work, and check it again"],
    ["rollback", "undo merged work with a revert commit, or close its pull request"],
    ["discard", "delete the delivered branch, its patch, receipt file and worktrees"],
  ] as const) {
    verb(name, description)
      .argument("<id>", idHelp)
      .action((id: string, options: Json) => end(decideTask(io, id, name, options)));
  }
  verb("cancel", "stop a task; what it did so far is kept")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(cancelTask(io, id, options)));
  verb("retry", "retry what failed; finished work stays")
    .argument("<id>", idHelp)
    .option("--agent <name>", "have another agent do what is not finished")
    .option("--model <name>", "have the agent use this model")
    .option(
      "--check <command>",
      "must be green, in place of the checks that the task was handed in with (repeatable)",
      collect,
    )
    .option("--timeout <minutes>", "limit of one attempt", positiveNumber)
    .action((id: string, options: RetryOptions) => end(retryTask(io, id, options)));
  verb("answer", "answer the question that a task waits for")
    .argument("<id>", idHelp)
    .argument("<text...>", "the answer, the rest of the line; - reads it from stdin")
    .option("--question <id>", "which question, when more than one is open")
    .action((id: string, words: string[], options: Json & { question?: string }) =>
      end(answerTask(io, id, words, options)),
    );
  program.commandsGroup("Steer:");
  verb("say", "send a message to the agents at work on a task")
    .argument("<id>", idHelp)
    .argument("<text...>", "the message, the rest of the line; - reads it from stdin")
    .option("--subtask <key>", "only to the agent of this subtask")
    .action((id: string, words: string[], options: Json & { subtask?: string }) =>
      end(sayToTask(io, id, words, options)),
    );
  verb("comment", "comment on lines of the change; a delivered one is worked on again")
    .argument("<id>", idHelp)
    .argument("<place>", "a file and a line, like src/app.ts:12")
    .argument("<text...>", "the comment, the rest of the line; - reads it from stdin")
    .action((id: string, place: string, words: string[], options: Json) =>
      end(commentOnTask(io, id, place, words, options)),
    );
  verb("pause", "park running attempts and start nothing until it is resumed")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(pauseTask(io, id, options)));
  verb("resume", "continue a paused task where it stopped")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(resumeTask(io, id, options)));
  verb("snooze", "put off what a task asks of you: until then no push is sent about it")
    .argument("<id>", idHelp)
    .argument("<time>", "30m, 2h or 1d; off: no longer")
    .action((id: string, time: string, options: Json) => end(snoozeTask(io, id, time, options)));
  verb("budget", "set what a task may cost; one that asks for more goes on")
    .argument("<id>", idHelp)
    .argument("<usd>", "in dollars, in all, like 20 or 7.50")
    .action((id: string, usd: string, options: Json) => end(setBudget(io, id, usd, options)));
  verb("freeze", "stop all spending: nothing starts, and what runs is parked")
    .option("--reason <text>", "shown by why, ls and doctor")
    .action((options: Json & { reason?: string }) => end(freezeAll(io, options)));
  verb("thaw", "end the freeze; work continues where it stopped").action((options: Json) =>
    end(thawAll(io, options)),
  );

  program.commandsGroup("Decide:");
  verb("snapshots", "list the states of a task's files that are kept")
    .argument("<id>", idHelp)
    .action((id: string, options: Json) => end(listSnapshots(io, id, options)));
  verb("restore", "bring removed worktrees back, or one snapshot: ID@NUMBER")
    .argument("<id>", `${idHelp}, and @NUMBER for one of its snapshots`)
    .action((id: string, options: Json) => end(restoreTask(io, id, options)));

  program.commandsGroup("Browsers and phones:");
  addDeviceVerbs(program, io, machine, end);
  program
    .command("notify")
    .description("pushes to your phone")
    .command("test")
    .description("send a test push, and wait until its button comes back")
    .option("--wait <seconds>", "how long to wait for the button", positiveNumber, 120)
    .option("--json", "print JSON for programs")
    .action((options: Json & { wait: number }) => end(testPush(io, options)));

  program.commandsGroup("Other agents:");
  addMcpVerbs(program, io, actions, end);

  program.commandsGroup("Triggers:");
  addTriggerVerbs(program, io, end);
  addGithubVerbs(program, actions, end);
  return program;
}

/** Wait for a verb's work and set the exit code; an error becomes one sentence on stderr. */
async function finish(io: CliIo, work: Promise<ExitCode>): Promise<void> {
  try {
    io.setExitCode(await work);
  } catch (error) {
    const [code, message] = explainError(error);
    io.stderr.write(`deputy: ${message}\n`);
    io.setExitCode(code);
  }
}

function explainError(error: unknown): [ExitCode, string] {
  if (error instanceof CliError) return [error.exitCode, error.message];
  if (error instanceof DeputyError) {
    const isOurs = errorStatus[error.code] >= 500;
    return [isOurs ? exitCodes.noDaemon : exitCodes.usage, error.message];
  }
  // An internal error: a report needs the trace.
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [exitCodes.noDaemon, `something unexpected happened: ${trace}`];
}

function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("It must be a number from 0 to 65535.");
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value > 0 && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("It must be a whole number above 0.");
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

function budget(text: string): Budget {
  const parsed = parseBudget(text);
  if (parsed) return parsed;
  throw new InvalidArgumentError(`It must be ${budgetHelp}.`);
}

function readVersion(): string {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(file) as { version: string }).version;
}

const afterHelp = `
Exit codes: 0 ok, 1 the task failed, 2 wrong usage or refused input, 3 no daemon; 130 a watch was
ended by Ctrl-C.
Environment: DEPUTY_HOME (default ~/.deputy), DEPUTY_URL and DEPUTY_TOKEN for a daemon elsewhere, NO_COLOR.
`;
