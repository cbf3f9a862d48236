import { startRunningTimer } from "../../core/base/running-timer.ts";
import type { CommandResult } from "../../sandbox/process/run-command.ts";
import type { Agent, AgentEnd, AgentRun } from "../agent.ts";
import { watchForPrompt } from "../find-prompt.ts";
import { type Gateway, openGateway } from "../gateway/open-gateway.ts";
import type { Provider } from "../gateway/provider.ts";
import { keepAfterEvents } from "../keep-checkpoints.ts";
import type { Cli, Setup } from "./cli.ts";
import { converse } from "./converse.ts";
import { countUnasked, type UnaskedCalls } from "./count-unasked.ts";
import { followRecord } from "./follow-record.ts";
import { askToMend, lendLogin } from "./lend-login.ts";
import { homeOf, inHome, makeHome } from "./make-home.ts";
import { type CliOutcome, type Limit, readEnd } from "./read-end.ts";
import { readLine } from "./read-line.ts";
import { openMouth } from "./speak.ts";
import { splitLines } from "./split-lines.ts";

/**
 * One run of a third-party agent: a home of its own, the gateway in place of the key, then turns,
 * each of which is one process. The session's home persists, and with it the program's own memory.
 */
export type CliOptions = {
  /** The program, by path or by a name on PATH, behind its interpreter where it is started by one. */
  program: readonly [string, ...string[]];
  model: string | null;
  /** Null: the program's own login. */
  provider: Provider | null;
  /** The folder that holds the user's login. */
  userHome: string;
};

export function makeCliAgent(cli: Cli, options: CliOptions): Agent {
  return async (run) => {
    const gateway = options.provider ? await openGateway(options.provider, run) : null;
    const clock = startRunningTimer(run.timeoutMs, () => {}); // each turn gets the rest
    try {
      const home = homeOf(run.sessionFolder);
      const setup: Setup = { ...run, model: options.model, gateway, home };
      const lent = gateway ? null : await lendLogin(cli, options, run);
      if (lent?.problem) {
        const end = askToMend("login", cli, run.role, lent.problem);
        return await converse(run, async () => ({ end, answer: "", isGone: false }));
      }
      await makeHome(run.sessionFolder, {
        files: cli.files(setup),
        login: { file: cli.loginFile, lent: lent?.path ?? null },
      });
      const own = { model: options.model ?? cli.name, hasTotal: cli.record !== null };
      const calls = gateway ?? (await countUnasked(run, own));
      return await converse(run, async (message, resume) => {
        const timeoutMs = Math.max(1, run.timeoutMs - clock.elapsedMs());
        const turn = { message, resume };
        const turned = await takeTurn(cli, options, { ...run, timeoutMs }, setup, calls, turn);
        const { answer, output } = turned.said;
        const isGone = resume !== null && cannotResume(turned, gateway);
        return { end: turned.end, answer: output ?? answer ?? "", isGone };
      });
    } finally {
      clock.stop();
      await gateway?.close();
    }
  };
}

type Turned = { end: AgentEnd; said: Heard; result: CommandResult };

/** Whether it ended before any model call, because the session no longer exists. */
function cannotResume({ end, said, result }: Turned, gateway: Gateway | null): boolean {
  if (end.reason !== "gave_up" || end.failure === "agent_unavailable" || said.worked) return false;
  if (gateway && gateway.calls() > 0) return false;
  return /no (?:conversation|rollout|session|saved)|session (?:was )?not found|not found.*session|not ?found/i.test(
    `${said.failed ?? ""}\n${result.output}`,
  );
}

/** Everything one process reported. */
type Heard = {
  finished: boolean;
  failed: string | null;
  because: CliOutcome["because"];
  limit: Limit | null;
  answer: string | null;
  output: unknown;
  worked: boolean;
};

/** How long a program that was refused a call may take to report it and end. */
const endsByItselfMs = 10_000;

async function takeTurn(
  cli: Cli,
  { program, model }: CliOptions,
  run: AgentRun,
  setup: Setup,
  /** From the gateway, or reported by the program itself. */
  calls: Gateway | UnaskedCalls,
  turn: { message: string; resume: string | null },
): Promise<Turned> {
  const heard: Heard = {
    finished: false,
    failed: null,
    because: null,
    limit: null,
    answer: null,
    output: undefined,
    worked: false,
  };
  const checkpoints = run.mode === "write" ? keepAfterEvents(() => run.session.checkpoint()) : null;
  const mouth = cli.speak ? openMouth(run, cli.speak, turn.message) : null;
  const prompts = watchForPrompt();
  const storing: Promise<void>[] = [];
  const unasked = "hear" in calls ? calls : null;
  let hasEnded = false;
  // Some versions wait silently until the limit ends, which would occupy a slot.
  const waits = new AbortController();
  let waitTimer: NodeJS.Timeout | undefined;
  const setLimit = (limit: Limit | null) => {
    if (!unasked) return;
    heard.limit = limit;
    clearTimeout(waitTimer);
    if (limit) waitTimer = setTimeout(() => waits.abort(), endsByItselfMs);
  };
  const place = { sessionFolder: run.sessionFolder, model: model ?? cli.name };
  const record =
    unasked && cli.record
      ? await followRecord(cli.record, place, turn.resume, (said) => {
          if (said.what === "restored") unasked.hear(said);
          if (said.what === "limit")
            heard.limit = said.reached && { ...said.reached, isRefused: false };
          // A program that has ended is not stopped for its last call.
          if (said.what === "usage") unasked.hear(hasEnded ? { ...said, isLast: true } : said);
        })
      : null;
  const read = cli.makeReader(model);
  const lines = splitLines((line) => {
    for (const said of readLine(read, line)) {
      switch (said.what) {
        case "session":
          if (said.id !== run.session.externalId) storing.push(run.session.keepExternalId(said.id));
          unasked?.begin(said.id);
          record?.begin(said.id);
          break;
        case "event":
          // With the gateway, turns are counted by model calls.
          if (said.event.kind === "turn" && !unasked) break;
          heard.worked ||= said.event.kind !== "turn";
          // A tool call means it continues, for example after a message that arrived at its end.
          if (said.event.kind === "tool_call") heard.finished = false;
          if (said.event.kind !== "turn") setLimit(null);
          run.emit(said.event);
          if (said.event.kind === "tool_result") checkpoints?.notice();
          break;
        case "answer":
          heard.worked = true;
          heard.answer = said.text;
          break;
        case "output":
          heard.output = said.value;
          break;
        case "taken":
          mouth?.taken();
          break;
        case "total":
        case "restored":
        case "usage":
        case "bill":
          unasked?.hear(said);
          break;
        // Of several turns the last one counts.
        case "limit":
          setLimit(said.reached && { ...said.reached, isRefused: true });
          break;
        case "failed":
          heard.failed = said.message;
          heard.because = said.because ?? null;
          heard.finished = false;
          mouth?.close();
          break;
        case "finished":
          heard.finished = true;
          if (mouth) heard.failed = null;
          mouth?.close();
          break;
      }
    }
  });
  const { args, env } = cli.command(setup, turn);
  const result = await run.runCommand({
    argv: [...inHome(run), ...program, ...args],
    cwd: run.worktree,
    env: { ...run.env, ...env },
    input: mouth?.input ?? turn.message,
    ...(mouth ? { onInput: mouth.onInput } : {}),
    timeoutMs: run.timeoutMs,
    signal: AbortSignal.any([run.signal, calls.stopped, waits.signal]),
    logPath: run.logPath,
    onOutput: (chunk, stream) => {
      prompts.add(chunk, stream);
      if (stream === "stdout") lines.add(chunk);
      record?.look();
    },
  });
  lines.flush();
  clearTimeout(waitTimer);
  // Read before counting: the rest of the cost may use up the budget, but it ended by itself.
  const isCancelled = run.signal.aborted;
  hasEnded = true;
  await record?.close();
  await Promise.all(storing);
  await unasked?.close();
  await mouth?.settle();
  await checkpoints?.finish();
  if (heard.answer) await run.session.append([{ answered: heard.answer }]);
  const outcome: CliOutcome = {
    ...heard,
    failed: heard.failed === null ? null : (cli.explain?.(result.output) ?? heard.failed),
    trouble: calls.trouble(),
    ownLogin: unasked ? run.role : null,
    prompt: prompts.find(),
    isCancelled,
    timeoutMs: run.timeoutMs,
  };
  return { end: readEnd(cli, result, outcome), said: heard, result };
}
