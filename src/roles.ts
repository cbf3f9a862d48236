import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Agent,
  type AgentEnd,
  endWith,
  type RoleEnd,
  type RoleRequest,
  type Session,
} from "./agents/agent.ts";
import { type AgentConfig, chooseAgent } from "./agents/choose-agent.ts";
import { UsageCount } from "./agents/count-usage.ts";
import type { Config } from "./config.ts";
import { DeputyError } from "./core/error.ts";
import { newId } from "./core/id.ts";
import type { Life } from "./life.ts";
import { runCommand } from "./sandbox/run-command.ts";
import type { Db } from "./store/schema.ts";

/**
 * Everything that an agent needs in order to work in a role, put together in one place: which agent
 * and model, where its commands run, what it remembers, what it may spend, what a person tells it.
 * Coder, planner and reviewer all come through here, each with a scope of its own: nothing is shared
 * between two runs but the database.
 */
export type RoleDeps = { db: Db; config: Config; life: Life };

export function makeRunRole(deps: RoleDeps): (request: RoleRequest) => Promise<RoleEnd> {
  return async (request) => {
    const { config, life } = deps;
    const agent = findAgent(deps, request.agent);
    if (typeof agent !== "function") return { ...agent, usage: [], sessionId: null };
    const usage = new UsageCount(request.role, () => config.model.price);
    const { about } = request;
    const scratch = join(config.paths.scratch, newId("run"));
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    const onProcess = life.trackProcess(
      `${request.role} of ${about.attemptId ?? about.subtaskId ?? about.taskId}`,
    );
    try {
      const end = await agent({
        ...request,
        scratch,
        maxTurns: 60,
        onProcess,
        runCommand: (spec) => runCommand({ ...spec, onStarted: onProcess }),
        session: openSession(),
        meter: { refuse: async () => null, count: async (call) => usage.add(call) },
        heard: async () => [],
      });
      return { ...end, usage: usage.total(), sessionId: null };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };
}

/** The agent, or how the run ends when this process has none of that name: no retry would help. */
function findAgent({ config }: RoleDeps, name: string | null): Agent | AgentEnd {
  try {
    return chooseAgent(name ?? "builtin", agentConfig(config));
  } catch (error) {
    if (error instanceof DeputyError) return endWith("gave_up", "agent_unavailable", error.message);
    throw error;
  }
}

function openSession(): Session {
  const entries: unknown[] = [];
  return {
    entries,
    append: async (added) => {
      entries.push(...added);
    },
    checkpoint: async () => {},
    externalId: null,
    keepExternalId: async () => {},
  };
}

/** What of the configuration decides which agents there are. */
export function agentConfig(config: Config): AgentConfig {
  const { apiKey, baseUrl, name } = config.model;
  return { builtin: apiKey ? { apiKey, baseUrl, model: name } : null };
}
