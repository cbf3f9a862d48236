import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { scrubbedEnvironment } from "../core/base/child-environment.ts";
import { type CliName, cliNames } from "../core/settings/agent-name.ts";
import type { AgentStatus } from "../core/settings/agent-status.ts";
import { findProgram } from "../sandbox/process/find-program.ts";
import { runCommand } from "../sandbox/process/run-command.ts";
import type { AgentConfig } from "./choose-agent.ts";
import type { Cli } from "./cli/cli.ts";
import { keyVariable } from "./gateway/provider.ts";
import { claude } from "./programs/claude.ts";
import { codex } from "./programs/codex.ts";
import { opencode } from "./programs/opencode.ts";

/**
 * Finds the agents on this machine and whether each is usable, without running a model: the program
 * is on PATH, and it has a key or its own login. A program's version is cached for a minute.
 */
export const clis: Record<CliName, Cli> = { codex, claude, opencode };

type Found = Omit<AgentStatus, "version" | "isDefault">;

/** Returns all agents without versions, in order of preference. Reads only files. */
export function findAgents(config: AgentConfig): Found[] {
  return [...lookForAgents(config)];
}

/** Like `findAgents`, but lazy, because every new task needs only the first usable one. */
export function* lookForAgents(config: AgentConfig): Generator<Found> {
  yield findBuiltin(config);
  for (const name of cliNames) yield findCli(clis[name], config);
}

/** Returns one agent by name; null for one that cannot be looked up, such as a command. */
export function findAgent(name: string, config: AgentConfig): Found | null {
  if (name === "builtin") return findBuiltin(config);
  const known = cliNames.find((cli) => cli === name);
  return known ? findCli(clis[known], config) : null;
}

function findBuiltin({ builtin }: AgentConfig): Found {
  return {
    name: "builtin",
    path: process.execPath,
    access: builtin ? "key" : "none",
    usable: builtin !== null,
    detail: builtin
      ? `calls ${builtin.model} with the API key`
      : "no model is configured: set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider)",
  };
}

function findCli(cli: Cli, config: AgentConfig): Found {
  const path = findProgram(cli.name, config.path);
  const access = config.providers[cli.protocol]
    ? "key"
    : isLoggedIn(cli, config)
      ? "login"
      : "none";
  const found = {
    name: cli.name,
    path,
    access,
    usable: path !== null && access !== "none",
  } as const;
  if (path === null) return { ...found, detail: `not installed: ${cli.install}` };
  switch (access) {
    case "key":
      return { ...found, detail: "its model calls go through the gateway, with the API key" };
    case "login":
      return { ...found, detail: "its own login; what it uses is what it says itself" };
    case "none":
      return {
        ...found,
        detail: `neither logged in nor given a key: run \`${cli.logIn}\` or set ${keyVariable(cli.protocol)}`,
      };
  }
}

function isLoggedIn({ loginFile }: Cli, { userHome }: AgentConfig): boolean {
  try {
    accessSync(join(userHome, loginFile), constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

const versionMs = 60_000;

/** Returns a function that lists the agents with versions, which only the programs know. */
export function makeListAgents(config: AgentConfig): () => Promise<AgentStatus[]> {
  const versions = new Map<string, { at: number; version: Promise<string | null> }>();
  const versionOf = (path: string): Promise<string | null> => {
    const known = versions.get(path);
    if (known && performance.now() - known.at < versionMs) return known.version;
    const version = askVersion(path, config.path);
    versions.set(path, { at: performance.now(), version });
    return version;
  };
  return async () => {
    const found = findAgents(config);
    const chosen = found.find(({ usable }) => usable)?.name;
    return Promise.all(
      found.map(async (agent) => ({
        ...agent,
        version: agent.name === "builtin" || !agent.path ? null : await versionOf(agent.path),
        isDefault: agent.name === chosen,
      })),
    );
  };
}

async function askVersion(program: string, path: string): Promise<string | null> {
  const { exitCode, stdout } = await runCommand({
    argv: [program, "--version"],
    cwd: "/",
    env: scrubbedEnvironment({ PATH: path }),
    timeoutMs: 10_000,
  });
  return exitCode === 0 ? (/\d+\.\d+[\w.-]*/.exec(stdout)?.[0] ?? null) : null;
}
