import { createWriteStream } from "node:fs";
import { Readable, Writable } from "node:stream";
import {
  type ClientConnection,
  client,
  methods,
  type NewSessionResponse,
  ndJsonStream,
  PROTOCOL_VERSION,
  type PromptResponse,
  RequestError,
} from "@agentclientprotocol/sdk";
import { cleanText, cutText, cutToTail } from "../../core/text/clean-text.ts";
import type { PipedProcess } from "../../sandbox/process/spawn-piped.ts";
import { type Agent, type AgentEnd, type AgentRun, endWith } from "../agent.ts";
import { limitTime, type TimeLimit } from "../builtin/limit-time.ts";
import { converse, type TakeTurn } from "../cli/converse.ts";
import { inHome } from "../cli/make-home.ts";
import { prepareAcpHome } from "../cli/prepare-acp-home.ts";
import { type Gateway, openGateway } from "../gateway/open-gateway.ts";
import type { Protocol, Provider } from "../gateway/provider.ts";
import { keepAfterEvents } from "../keep-checkpoints.ts";
import { classifyWords, localZone } from "../words/classify-words.ts";
import { findKillInWords } from "../words/killed.ts";
import { decidePermission, writePermissionQuestion } from "./acp-permission.ts";
import { readUpdate } from "./acp-update.ts";

/**
 * Runs any program that speaks the Agent Client Protocol on its stdin and stdout. The program is
 * started once per run, loads its earlier session if it can, and gets one prompt per message.
 * Permission requests within the sandbox and the worktree are allowed; others become questions to a
 * person.
 */
export type AcpOptions = {
  providers: Record<Protocol, Provider | null>;
  /** For programs whose config we write. */
  model: string | null;
  userHome: string;
};

export function makeAcpAgent(command: string, options: AcpOptions): Agent {
  return async (run) => {
    const gateways: Gateway[] = [];
    const open = async (provider: Provider | null) => {
      const gateway = provider ? await openGateway(provider, run) : null;
      if (gateway) gateways.push(gateway);
      return gateway;
    };
    const limit = limitTime(run.signal, run.timeoutMs);
    let program: PipedProcess | null = null;
    try {
      const openai = await open(options.providers.openai);
      const anthropic = await open(options.providers.anthropic);
      if (gateways.length === 0) await run.meter.watch();
      const env = await prepareAcpHome(command, { ...options, openai, anthropic }, run);
      program = await run.spawnPiped({
        argv: [...inHome(run), "sh", "-c", `exec ${command}`],
        cwd: run.worktree,
        env: { ...run.env, ...env },
      });
      return await talk(command, run, program, gateways, limit);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return endWith("gave_up", "agent_unavailable", `${command} could not start: ${why}`);
    } finally {
      await program?.stop();
      await Promise.all(gateways.map((gateway) => gateway.close()));
      limit.release();
    }
  };
}

/** The first gateway's trouble, or null. */
function troubleOf(gateways: readonly Gateway[]) {
  return gateways.map((gateway) => gateway.trouble()).find((trouble) => trouble !== null) ?? null;
}

async function talk(
  command: string,
  run: AgentRun,
  program: PipedProcess,
  gateways: readonly Gateway[],
  limit: TimeLimit,
): Promise<AgentEnd> {
  const log = createWriteStream(run.logPath, { flags: "a", mode: 0o600 });
  log.on("error", () => {}); // an unwritable log must not end the run
  program.stdout.on("data", (chunk: Buffer) => log.write(chunk));
  const checkpoints = run.mode === "write" ? keepAfterEvents(() => run.session.checkpoint()) : null;
  const state = { answer: "", isHearing: false, question: null as string | null };
  const ended = program.ended.then((how) => {
    throw new ProgramEnded(how, program.stderr());
  });
  ended.catch(() => {}); // it may end while nothing awaits it
  const stops = [limit.signal, ...gateways.map(({ stopped }) => stopped)];
  const stopped = new Promise<never>((_, reject) => {
    for (const signal of stops) {
      const stop = () => reject(new Stopped());
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    }
  });
  stopped.catch(() => {}); // a run that ends well never awaits it
  /** Rejects as soon as the program ends or the run is stopped, even if the answer is pending. */
  const orEnd = <T>(answer: Promise<T>): Promise<T> => {
    answer.catch(() => {}); // not awaited if the end came first
    return Promise.race([answer, ended, stopped]);
  };

  const connection = client({ name: "deputy" })
    .onRequest(methods.client.session.requestPermission, ({ params }) => {
      const decision = decidePermission(params, run);
      if (decision.kind === "ask") {
        state.question ??= writePermissionQuestion(params);
        void connection.agent.notify(methods.agent.session.cancel, { sessionId: params.sessionId });
        return { outcome: { outcome: "cancelled" } };
      }
      return { outcome: { outcome: "selected", optionId: decision.optionId } };
    })
    .onNotification(methods.client.session.update, ({ params }) => {
      if (!state.isHearing) return; // loading a session replays it from its beginning
      const { event, text } = readUpdate(params.update);
      if (text === null && event) state.answer = "";
      if (text !== null) state.answer += text;
      if (event) run.emit(event);
      if (event?.kind === "tool_result") checkpoints?.notice();
    })
    .connect(
      ndJsonStream(
        Writable.toWeb(program.stdin) as WritableStream<Uint8Array>,
        Readable.toWeb(program.stdout) as ReadableStream<Uint8Array>,
      ),
    );

  const isClosed = () => connection.signal.aborted;
  let canLoad: boolean | null = null;
  let sessionId: string | null = null;
  const openSession = async (resume: string | null): Promise<"gone" | string> => {
    canLoad ??= await initialize(connection, orEnd);
    const place = { cwd: run.worktree, mcpServers: [] };
    if (resume === null) {
      const made = connection.agent.request<NewSessionResponse>(methods.agent.session.new, place);
      return (await orEnd(made)).sessionId;
    }
    if (!canLoad) return "gone";
    try {
      const load = connection.agent.request(methods.agent.session.load, {
        ...place,
        sessionId: resume,
      });
      await orEnd(load);
      return resume;
    } catch (error) {
      if (error instanceof RequestError) return "gone";
      throw error;
    }
  };

  const take: TakeTurn = async (message, resume) => {
    state.answer = "";
    state.isHearing = false;
    try {
      if (sessionId === null || resume !== sessionId) {
        const opened = await openSession(resume);
        if (opened === "gone") {
          const detail = "the session could not be loaded";
          return { end: endWith("gave_up", "agent_failed", detail), answer: "", isGone: true };
        }
        sessionId = opened;
        await run.session.keepExternalId(opened);
      }
      state.isHearing = true;
      const prompt = [{ type: "text" as const, text: message }];
      const prompted = connection.agent.request<PromptResponse>(methods.agent.session.prompt, {
        sessionId,
        prompt,
      });
      const { stopReason } = await orEnd(prompted);
      if (gateways.length === 0) await run.meter.count(unknownCall(command));
      await run.session.append([{ answered: state.answer }]);
      const end = endOf(stopReason, state.question, troubleOf(gateways));
      return { end: withAnswer(end, state.answer), answer: state.answer, isGone: false };
    } catch (error) {
      if (error instanceof Stopped && sessionId)
        // The program is stopped even if this fails.
        await connection.agent.notify(methods.agent.session.cancel, { sessionId }).catch(() => {});
      const cause = isClosed() ? await causeOfClosing(program, error) : error;
      const end = endOfError(cause, command, run, limit, troubleOf(gateways));
      return { end: withAnswer(end, state.answer), answer: "", isGone: false };
    }
  };

  try {
    const end = await converse(run, take);
    await checkpoints?.finish();
    return end;
  } finally {
    connection.close();
    log.end();
  }
}

async function initialize(
  connection: ClientConnection,
  orEnd: <T>(answer: Promise<T>) => Promise<T>,
): Promise<boolean> {
  const { agentCapabilities } = await orEnd(
    connection.agent.request(methods.agent.initialize, {
      protocolVersion: PROTOCOL_VERSION,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    }),
  );
  return agentCapabilities?.loadSession === true;
}

/** The pipe closes shortly before the exit status is known, so wait for the status. */
async function causeOfClosing(program: PipedProcess, error: unknown): Promise<unknown> {
  if (error instanceof Stopped || error instanceof ProgramEnded) return error;
  await program.stop();
  return new ProgramEnded(await program.ended, program.stderr());
}

class Stopped extends Error {}

class ProgramEnded extends Error {
  readonly how: string;
  readonly said: string;
  constructor(how: string, said: string) {
    super(`it ended (${how})`);
    this.how = how;
    this.said = said;
  }
}

type Trouble = ReturnType<typeof troubleOf>;

function endOf(stopReason: string, question: string | null, trouble: Trouble): AgentEnd {
  if (question !== null) {
    return endWith("needs_input", "permission", "asks for a permission", { question });
  }
  if (trouble) return endOfTrouble(trouble);
  switch (stopReason) {
    case "end_turn":
      return endWith("done", null, "finished");
    case "max_tokens":
    case "max_turn_requests":
      return endWith(
        "out_of_budget",
        "out_of_budget",
        `it stopped at its own limit: ${stopReason}`,
      );
    case "cancelled":
      return endWith("gave_up", "agent_failed", "it says that it was cancelled");
    default:
      return endWith("gave_up", "agent_failed", `it stopped: ${stopReason}`);
  }
}

function endOfTrouble({ kind, detail, retryAt }: NonNullable<Trouble>): AgentEnd {
  const reason = kind === "out_of_budget" ? "out_of_budget" : "gave_up";
  return endWith(reason, kind, detail, { retryAt });
}

const authRequired = -32_000;

function endOfError(
  error: unknown,
  command: string,
  run: AgentRun,
  limit: TimeLimit,
  trouble: Trouble,
): AgentEnd {
  if (run.signal.aborted) return endWith("cancelled", null, "stopped on request");
  if (limit.cause() === "timeout") {
    const detail = `timed out after ${Math.round(run.timeoutMs / 1000)} s`;
    return endWith("timed_out", "timed_out", detail);
  }
  if (trouble) return endOfTrouble(trouble);
  if (error instanceof ProgramEnded) {
    const said = cutText(cleanText(error.said.trim().split("\n").at(-1) ?? ""), 200);
    const detail = `${command}: ${error.how}${said === "" ? "" : `: ${said}`}`;
    if (/^exit 12[67]$/.test(error.how)) {
      return endWith(
        "gave_up",
        "agent_unavailable",
        `${detail}; install it or correct the command`,
      );
    }
    const kill = findKillInWords(error.how);
    if (kill) return endWith("crashed", kill.failure, `${command} was ${kill.detail}`);
    return endWith("gave_up", "agent_failed", detail);
  }
  const words = cutText(cleanText(error instanceof Error ? error.message : String(error)), 300);
  if (error instanceof RequestError && error.code === authRequired) {
    return endWith("gave_up", "agent_unavailable", `${command} is not logged in: ${words}`);
  }
  // Only the protocol error and its data are classified, never text the agent wrote as its work.
  const beside = error instanceof RequestError ? JSON.stringify(error.data ?? "") : "";
  const told = `${words} ${cutText(cleanText(beside), 1_000)}`;
  const { kind, retryAt } = classifyWords(told, { now: new Date(), zone: localZone() });
  const isProviders = error instanceof RequestError && kind !== "agent_unavailable";
  const failure = isProviders ? kind : "agent_failed";
  const detail = failure === "rate_limit_window" ? told.trim() : words;
  return endWith("gave_up", failure, `${command}: ${detail}`, {
    retryAt: isProviders ? retryAt : null,
  });
}

function withAnswer(end: AgentEnd, answer: string): AgentEnd {
  const said = cleanText(answer.trim());
  const summary = said === "" ? null : cutText(said, 12_000);
  return { ...end, detail: cutText(end.detail, 500), outputTail: cutToTail(said, 8_000), summary };
}

/** A call of unknown cost: a program with its own login need not report its usage. */
function unknownCall(command: string) {
  const model = command.split(/\s+/)[0] ?? command;
  return { model, tokens: null, latencyMs: 0, costUsd: null };
}
