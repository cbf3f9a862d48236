import { existsSync, mkdirSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import {
  type Agent,
  type AgentEnd,
  endWith,
  type RoleEnd,
  type RoleRequest,
  type Session,
} from "../agents/agent.ts";
import { type AgentConfig, chooseAgent, defaultAgent, loginHosts } from "../agents/choose-agent.ts";
import type { Config } from "../config/config.ts";
import { maxModelSilenceMs, type RoleSettings, roleSettings } from "../config/role-settings.ts";
import type { Reach } from "../config/sandbox-settings.ts";
import { DeputyError } from "../core/base/error.ts";
import { findPrice } from "../core/budget/prices.ts";
import type { Role } from "../core/budget/usage.ts";
import { servicesVariable } from "../core/settings/service.ts";
import type { Task } from "../core/task/task.ts";
import { cleanText, cutText } from "../core/text/clean-text.ts";
import { type Redact, redactDeep } from "../core/text/redact.ts";
import type { Sandbox } from "../sandbox/box/sandbox.ts";
import { removeTree } from "../sandbox/files/remove-tree.ts";
import { makeTempFolder } from "../sandbox/files/temp.ts";
import type { ProcessIdentity } from "../sandbox/process/process-identity.ts";
import { writeServices } from "../sandbox/services/write-services.ts";
import type { Db } from "../store/database/schema.ts";
import { setSigns } from "../store/records/signs.ts";
import { getTask } from "../store/tasks/tasks.ts";
import { homeOfWorktree } from "../worktree/checkout/worktree-home.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import { openBox, type Self } from "./box.ts";
import { openMeter } from "./meter.ts";
import { type OpenSession, openSession } from "./session.ts";
import { snapshotRegularly } from "./snapshot-regularly.ts";
import { type StallWatch, watchForStall } from "./watch-for-stall.ts";

/**
 * Everything that an agent needs in order to work in a role: which agent and model, where its
 * commands run, its session, its budget, and messages of a person. Coder, planner and reviewer all
 * come through here, each with a scope of its own: two runs share nothing but the database.
 */
export type RoleDeps = {
  db: Db;
  config: Config;
  self: Self;
  sandbox: Sandbox;
  mirrors: Mirrors;
  redact: Redact;
};

export function makeRunRole(deps: RoleDeps): (request: RoleRequest) => Promise<RoleEnd> {
  // Redacted from the start: an agent's text goes into rows, messages and prompts of others.
  return async (request) => redactDeep(await runRole(deps, request), deps.redact);
}

async function runRole(deps: RoleDeps, request: RoleRequest): Promise<RoleEnd> {
  const { config, self } = deps;
  const settings = await findSettings(deps, request);
  const name = request.agent ?? settings.agent ?? "builtin";
  // A model belongs to the agent that it was configured with.
  const written = settings.agent === null || settings.agent === name ? settings.model : null;
  const model = request.model === undefined ? written : request.model;
  const agent = findAgent(deps, name, model);
  if (typeof agent !== "function") return { ...agent, sessionId: null, confinement: null };
  const { about } = request;
  const scratch = await makeTempFolder("run", config.paths.scratch);
  const track = self.trackChild(
    `${request.role} of ${about.attemptId ?? about.subtaskId ?? about.taskId}`,
  );
  const session = await openSession(deps.db, {
    ...{ ...request, agent: name },
    mirror: deps.mirrors.at(request.gitDir),
  });
  const sessionFolder = join(config.paths.scratch, "sessions", session.name);
  mkdirSync(sessionFolder, { recursive: true, mode: 0o700 });
  const stall = watchForStall({
    // The daemon is this agent: its calls and its commands have time limits of their own.
    silentMs: silenceLimit(name, settings),
    notice: (text) => request.emit({ kind: "notice", text }),
    store: (signs) => {
      // Where the database is away, the next half a minute's signs are stored.
      if (about.attemptId) setSigns(deps.db, about.attemptId, signs).catch(() => {});
    },
  });
  const onProcess = (identity: ProcessIdentity) => {
    stall.addProcess(identity);
    track(identity);
  };
  const timeoutMs = timeLimit(request.timeoutMs, settings);
  const isWriting = request.mode === "write";
  const box = await openBox({
    config,
    sandbox: deps.sandbox,
    scratch,
    // With what setup installed there. A reader's worktree was not set up.
    ...(isWriting && { home: homeOfWorktree(request.worktree) }),
    writable: isWriting ? [request.worktree] : [],
    tree: request.worktree,
    state: [sessionFolder],
    // The daemon writes in its scratch folder: links put there by an agent would lead it elsewhere.
    readOnly: [...(isWriting ? [] : [request.worktree]), request.gitDir, scratch],
    reach: withHosts(
      agentReach(config, settings.repository, name),
      loginHosts(name, agentConfig(config)),
    ),
    timeoutMs,
    onProcess,
  });
  const meter = await openMeter(
    deps.db,
    {
      ...{ ...about, attemptId: about.attemptId ?? request.judges ?? null },
      ...{ role: request.role, agent: name, processId: self.processId },
    },
    {
      priceOf: (model) => findPrice(model, config.prices),
      signal: request.signal,
      ...(request.budget !== undefined && { budget: request.budget }),
    },
  );
  const stopSnapshots =
    isWriting && config.snapshotMs !== null
      ? snapshotRegularly({
          everyMs: config.snapshotMs,
          take: async () => {
            if (await session.snapshot()) stall.seen("files");
          },
          onError: ({ message }) =>
            request.emit({
              kind: "notice",
              text: `No snapshot of its files could be taken; it works on, and the next one is tried: ${cutText(cleanText(message), 500)}`,
            }),
        })
      : async () => {};
  try {
    const services = request.services ?? [];
    const withServices =
      services.length === 0 ? null : await writeServices(join(scratch, "services"), services);
    const end = await agent({
      ...request,
      env: { ...request.env, ...(withServices && { [servicesVariable]: withServices.script }) },
      signal: AbortSignal.any([request.signal, meter.signal, stall.signal]),
      scratch,
      maxTurns: turnLimit(settings),
      timeoutMs,
      modelSilenceMs: settings.modelSilenceMs ?? maxModelSilenceMs,
      onProcess,
      sessionFolder,
      runCommand: box.runCommand,
      spawnPiped: box.spawnPiped,
      confined: box.confined,
      expose: (server) => {
        // A model that thinks is waited for, within the time limits of the call itself.
        server.on("request", (_, response) => {
          void stall.during(new Promise((done) => response.once("close", done)));
        });
        return box.expose(server);
      },
      session: seeChanges(session, stall),
      meter: { ...meter, refuse: (call) => stall.during(meter.refuse(call)) },
      takeMessages: session.takeMessages,
      takeNudge: stall.takeNudge,
      emit: (event) => {
        stall.seen("output");
        request.emit(event);
      },
      returnMessages: session.returnMessages,
    });
    const { provider, problem } = deps.sandbox;
    const denials = box.denials().map((denial) => ({ ...denial, by: "agent" as const }));
    const confinement = { provider, problem, denials };
    const ended = seeWorktree(stall.conclude(meter.conclude(end)), request.worktree);
    return { ...ended, sessionId: session.id(), confinement };
  } finally {
    stall.close();
    // What is not pinned yet is in the session's row as well.
    const keep = stopSnapshots().then(() => session.close().catch(() => {}));
    await Promise.all([keep, box.close(), meter.close()]);
    await rmdir(sessionFolder).catch(() => {}); // not empty: the agent's program resumes from it
    // Not awaited: leftovers of a crash are removed at the next start.
    removeTree(scratch).catch(() => {});
  }
}

/** An agent whose worktree was deleted could do nothing there, whatever it says of that. */
function seeWorktree(end: AgentEnd, worktree: string): AgentEnd {
  if (end.reason === "done" || end.reason === "cancelled" || existsSync(worktree)) return end;
  const detail = `its worktree ${worktree} was deleted (${end.detail})`;
  return { ...end, reason: "crashed", failure: "infrastructure", detail };
}

const defaultStallMs = 10 * 60_000;

function silenceLimit(agent: string, { stallMs }: RoleSettings): number | null {
  return agent === "builtin" ? null : (stallMs ?? defaultStallMs);
}

function timeLimit(askedMs: number, { timeoutMs }: RoleSettings): number {
  return Math.min(askedMs, timeoutMs ?? askedMs);
}

function turnLimit({ maxTurns }: RoleSettings): number {
  return maxTurns ?? 60;
}

/** The network of an agent's commands. */
export function agentReach(
  { sandbox }: Pick<Config, "sandbox">,
  repository: string,
  agent: string,
) {
  return sandbox.networks(repository)[agent.startsWith("command:") ? "command" : "agent"];
}

/** What ends an attempt of this task by this agent; `silentMs` null: its silence does not. */
export function attemptLimits(
  { roles }: Pick<Config, "roles">,
  task: Pick<Task, "attemptTimeoutMs" | "expectsChange" | "repository">,
  agent: string,
): { timeoutMs: number; silentMs: number | null; maxTurns: number } {
  const settings = roleSettings(roles, task.expectsChange ? "coder" : "reviewer", task.repository);
  const silentMs = silenceLimit(agent, settings);
  return {
    timeoutMs: timeLimit(task.attemptTimeoutMs, settings),
    silentMs: silentMs === Infinity ? null : silentMs,
    maxTurns: turnLimit(settings),
  };
}

/** The session, whose checkpoints show that the agent changed a file. */
function seeChanges(session: OpenSession, stall: StallWatch): Session {
  return {
    ...session,
    get externalId() {
      return session.externalId;
    },
    checkpoint: async (entries) => {
      const hasChanged = await session.checkpoint(entries);
      if (hasChanged) stall.seen("files");
      return hasChanged;
    },
  };
}

function withHosts(reach: Reach, hosts: readonly string[]): Reach {
  return reach === "open" ? reach : [...reach, ...hosts];
}

/** The agent, or the run's end when this process has no such agent: no retry would help. */
function findAgent({ config }: RoleDeps, name: string, model: string | null): Agent | AgentEnd {
  try {
    return chooseAgent(name, agentConfig(config, model));
  } catch (error) {
    if (error instanceof DeputyError) return endWith("gave_up", "agent_unavailable", error.message);
    throw error;
  }
}

/**
 * The agent for a role when none was named: the configured one, else the first that can work here;
 * null: none.
 */
export function roleAgent(config: Config, role: Role, repository: string): string | null {
  const { agent } = roleSettings(config.roles, role, repository);
  if (agent !== null) return agent;
  try {
    return defaultAgent(agentConfig(config));
  } catch (error) {
    if (error instanceof DeputyError) return null;
    throw error;
  }
}

/** The role's settings for the task's repository, which is looked up only where it matters. */
async function findSettings(
  { db, config }: RoleDeps,
  { about, role }: RoleRequest,
): Promise<RoleSettings & { repository: string }> {
  const isOne = config.roles.byRepository.size > 0;
  const repository = isOne ? ((await getTask(db, about.taskId))?.repository ?? "") : "";
  return { ...roleSettings(config.roles, role, repository), repository };
}

/** The configuration that decides which agents exist; `model` overrides the configured one. */
export function agentConfig(config: Config, model: string | null = null): AgentConfig {
  const { apiKey, baseUrl, name } = config.model;
  const { anthropic } = config;
  const openaiModel = model ?? name;
  return {
    builtin: apiKey ? { apiKey, baseUrl, model: openaiModel } : null,
    providers: {
      openai: apiKey ? { protocol: "openai", apiKey, baseUrl } : null,
      anthropic: anthropic.apiKey
        ? { protocol: "anthropic", apiKey: anthropic.apiKey, baseUrl: anthropic.baseUrl }
        : null,
    },
    models: { codex: openaiModel, claude: model ?? anthropic.model, opencode: openaiModel },
    roleModel: model,
    mcpServers: config.mcpServers,
    readVariable: (name) => process.env[name],
    path: process.env.PATH ?? "",
    userHome: homedir(),
  };
}
