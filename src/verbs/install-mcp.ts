import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { scrubbedEnvironment } from "../core/base/child-environment.ts";
import { DeputyError } from "../core/base/error.ts";
import { findProgram } from "../sandbox/process/find-program.ts";
import { type CommandResult, runCommand } from "../sandbox/process/run-command.ts";

/**
 * `deputy mcp install`: registers our MCP server with claude and codex, by their own command where
 * it is installed; otherwise prints what to paste where. Idempotent. It registers how to start
 * `deputy mcp` and, when it is not the default, the daemon's home or URL; never the token, which
 * `deputy mcp` reads where every other verb does.
 */
type Client = "claude" | "codex";

type Installation = {
  client: Client;
  /** `absent`: the client is not installed. `printed`: the caller wanted only the text. */
  result: "installed" | "absent" | "printed";
  /** The text to paste, and the file that it belongs in. */
  config: { file: string; text: string };
};

type Registration = { argv: [string, ...string[]]; env: Record<string, string> };

/** Throws a DeputyError when an installed client refuses. */
export async function installMcp(options: {
  client: Client | null;
  print: boolean;
  env: NodeJS.ProcessEnv;
}): Promise<Installation[]> {
  const { env } = options;
  const clients = options.client ? [options.client] : (["claude", "codex"] as const);
  const registration = { argv: findCommand(env), env: readDaemonSettings(env) };
  const done: Installation[] = [];
  for (const client of clients) {
    const config = writeConfig[client](registration);
    const isThere = findProgram(client, env.PATH) !== null;
    if (isThere && !options.print) await register[client](registration, env);
    const result = options.print ? "printed" : isThere ? "installed" : "absent";
    done.push({ client, result, config });
  }
  return done;
}

/** For people. */
export function describeInstallation({ client, result, config }: Installation): string {
  if (result === "installed") return `${client} knows Deputy now; restart it to use it.`;
  const why = result === "absent" ? `${client} is not installed here. ` : "";
  return `${why}For ${client}, put this into ${config.file}:\n\n${config.text}\n`;
}

/** `deputy` when that is this very program, else this program by its path. */
function findCommand(env: NodeJS.ProcessEnv): Registration["argv"] {
  const main = fileURLToPath(new URL("../main.js", import.meta.url));
  const onPath = findProgram("deputy", env.PATH);
  if (onPath !== null && realpathSync(onPath) === main) return ["deputy", "mcp"];
  return [process.execPath, main, "mcp"];
}

function readDaemonSettings(env: NodeJS.ProcessEnv): Record<string, string> {
  return {
    ...(env.DEPUTY_HOME && { DEPUTY_HOME: resolve(env.DEPUTY_HOME) }),
    ...(env.DEPUTY_URL && { DEPUTY_URL: env.DEPUTY_URL }),
  };
}

const register: Record<
  Client,
  (registration: Registration, env: NodeJS.ProcessEnv) => Promise<void>
> = {
  /** claude refuses a name that it knows, so the old entry is removed first. */
  claude: async ({ argv, env: settings }, env) => {
    const options = ["--scope", "user", ...listEnv(settings)];
    const add = ["claude", "mcp", "add", "deputy", ...options, "--", ...argv] as const;
    let result = await runClient(add, env);
    if (/already exists/i.test(result.output)) {
      await runClient(["claude", "mcp", "remove", "deputy", "--scope", "user"], env);
      result = await runClient(add, env);
    }
    requireSuccess("claude", result);
  },
  /** codex replaces an entry of the same name. */
  codex: async ({ argv, env: settings }, env) => {
    const add = ["codex", "mcp", "add", "deputy", ...listEnv(settings), "--", ...argv] as const;
    requireSuccess("codex", await runClient(add, env));
  },
};

function listEnv(env: Record<string, string>): string[] {
  return Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
}

function runClient(
  argv: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<CommandResult> {
  const { CODEX_HOME, CLAUDE_CONFIG_DIR } = env;
  return runCommand({
    argv,
    cwd: process.cwd(),
    env: scrubbedEnvironment(
      { ...(CODEX_HOME && { CODEX_HOME }), ...(CLAUDE_CONFIG_DIR && { CLAUDE_CONFIG_DIR }) },
      env,
    ),
    timeoutMs: 60_000,
  });
}

function requireSuccess(client: Client, result: CommandResult): void {
  if (result.endedBy === "exit" && result.exitCode === 0) return;
  const said = result.output.trim().split("\n").at(-1) || result.error || result.endedBy;
  throw new DeputyError(
    "unprocessable",
    `\`${client} mcp add\` failed (${said.slice(0, 300)}); see what to enter by hand with: deputy mcp install --client ${client} --print`,
  );
}

const writeConfig: Record<Client, (registration: Registration) => Installation["config"]> = {
  claude: ({ argv: [command, ...args], env }) => ({
    file: ".mcp.json of a project, or ~/.claude.json",
    text: JSON.stringify(
      { mcpServers: { deputy: { type: "stdio", command, args, env } } },
      null,
      2,
    ),
  }),
  // JSON strings of paths and URLs are valid TOML, too.
  codex: ({ argv: [command, ...args], env }) => ({
    file: "~/.codex/config.toml",
    text: [
      "[mcp_servers.deputy]",
      `command = ${JSON.stringify(command)}`,
      `args = ${JSON.stringify(args)}`,
      ...(Object.keys(env).length === 0 ? [] : ["", "[mcp_servers.deputy.env]"]),
      ...Object.entries(env).map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
    ].join("\n"),
  }),
};
