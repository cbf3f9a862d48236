import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { Agent, AgentRun } from "../../src/agents/agent.ts";
import { type AgentConfig, chooseAgent } from "../../src/agents/choose-agent.ts";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { makeRun, type TestRun } from "../agents/make-run.ts";
import { type Deputy, makeDeputy } from "../support/deputy.ts";
import type { Fault, Scenario, Turn } from "../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { greetingProject, makeRepository, type TestRepository } from "../support/repository.ts";

/** The key that only the daemon may have. */
export const realKey = "sk-the-real-key-of-the-provider";

/** Where install.mjs put the programs. */
export const programs = process.env.DEPUTY_AGENTS_BIN ?? "";

export const path = `${programs}:${process.env.PATH ?? ""}`;

export async function makeServer(
  scenario: Scenario,
  apiKey: string | readonly string[] = realKey,
): Promise<ModelServer> {
  const server = await startModelServer({ scenario, apiKey });
  onTestFinished(() => server.close());
  return server;
}

/** The agent as the daemon makes it, with a key for the scripted server. */
export function makeAgent(name: string, server: ModelServer): Agent {
  return chooseAgent(name, {
    ...agentConfig,
    providers: {
      openai: { protocol: "openai", apiKey: realKey, baseUrl: server.url },
      anthropic: { protocol: "anthropic", apiKey: realKey, baseUrl: server.origin },
    },
    models: { codex: "gpt-5.5", claude: "claude-sonnet-4-5", opencode: "scripted" },
  });
}

/** A daemon without any key. */
export const agentConfig: AgentConfig = {
  builtin: null,
  providers: { openai: null, anthropic: null },
  models: { codex: null, claude: null, opencode: null },
  roleModel: null,
  mcpServers: [],
  readVariable: () => undefined,
  path,
  userHome: "/nonexistent",
};

/** A run in a project with one red test; its worktree is a plain folder. */
export async function makeProjectRun(given: Partial<AgentRun> = {}): Promise<TestRun> {
  const run = await makeRun({
    brief: "Make the greeting say Hello.\n",
    env: { ...scrubbedEnvironment(), PATH: path },
    ...given,
  });
  if (!given.worktree) {
    for (const [name, text] of Object.entries(greetingProject)) {
      await mkdir(dirname(join(run.worktree, name)), { recursive: true });
      await writeFile(join(run.worktree, name), text);
    }
  }
  return run;
}

export const before = "export const greet = (name) => ['Hullo', name].join(', ');";
export const after = "export const greet = (name) => ['Hello', name].join(', ');";

/** Reads, repairs, runs the tests and says so. */
export const repairTurns: readonly Turn[] = [
  { calls: [{ tool: "read", args: { path: "src/greeting.js" } }] },
  { calls: [{ tool: "edit", args: { path: "src/greeting.js", old: before, new: after } }] },
  { calls: [{ tool: "bash", args: { command: "node --test" } }] },
  { text: "The greeting says Hello now." },
];

export const repair: Scenario = { roles: { coder: { turns: repairTurns } } };

/** A server on which every call goes wrong. */
export const failingWith = (fault: Fault): Scenario => ({
  roles: { coder: { turns: [{ text: "never", fault: { ...fault, times: 100 } }] } },
});

/** A daemon that has the keys, the server behind them, and a project with one red test: for a file. */
export function startAll(env: Record<string, string> = {}) {
  const all = {} as { deputy: Deputy; server: ModelServer; repository: TestRepository };
  beforeAll(async () => {
    all.server = await startModelServer({ scenario: repair, apiKey: realKey });
    [all.deputy, all.repository] = await Promise.all([
      makeDeputy({
        env: {
          PATH: path,
          OPENAI_API_KEY: realKey,
          OPENAI_BASE_URL: all.server.url,
          ANTHROPIC_API_KEY: realKey,
          ANTHROPIC_BASE_URL: all.server.origin,
          ...env,
        },
      }),
      makeRepository(greetingProject),
    ]);
    await all.deputy.start();
  });
  afterAll(async () => {
    await all.deputy?.close();
    await all.repository?.remove();
    await all.server?.close();
  });
  return all;
}

export const agents = ["codex", "claude", "opencode", "acp:opencode acp"] as const;
