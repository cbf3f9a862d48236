import {
  type CallToolResult,
  Client,
  type Tool,
  type Transport,
} from "@modelcontextprotocol/client";
import type { McpServerConfig } from "../../core/settings/mcp-server.ts";
import { firstLine } from "../../core/text/clean-text.ts";
import { redactSecrets } from "../../core/text/redact.ts";
import type { PipedProcess } from "../../sandbox/process/spawn-piped.ts";
import { openHttpTransport } from "./http-transport.ts";
import { explainTrouble, ServerTrouble } from "./server-trouble.ts";
import { makeStdioTransport } from "./stdio-transport.ts";

/**
 * A connection to one MCP server, started or called, with its list of tools. Errors are a clause
 * about the server (`does not answer within 20 s`) with the secrets it was given removed.
 */
export type ServerConnection = {
  config: McpServerConfig;
  tools: Tool[];
  /** Rejects with a ServerTrouble. */
  call(name: string, input: Record<string, unknown>, signal: AbortSignal): Promise<CallToolResult>;
  hideSecrets(text: string): string;
  close(): Promise<void>;
};

export type ServerSurroundings = {
  /** Working directory of started programs. */
  cwd: string;
  /** Scrubbed base environment of every program; its own variables are added. */
  env: Readonly<Record<string, string>>;
  /** Reads a variable of the daemon that a configuration names. */
  readVariable: (name: string) => string | undefined;
  /** Starts a program, confined like the attempt. Rejects if it cannot be started. */
  spawn: (spec: {
    argv: readonly [string, ...string[]];
    cwd: string;
    env: Readonly<Record<string, string>>;
  }) => Promise<PipedProcess>;
  signal: AbortSignal;
  fetch?: typeof fetch;
};

/** Rejects with a ServerTrouble if the server cannot be used, and leaves nothing running then. */
export async function connectServer(
  config: McpServerConfig,
  surroundings: ServerSurroundings,
): Promise<ServerConnection> {
  const variables = readVariables(config, surroundings);
  const secrets = Object.values(variables).flatMap(withItsParts);
  const hideSecrets = (text: string) => redactSecrets(text, secrets);
  let server: PipedProcess | null = null;
  let transport: Transport;
  /** Why the connection is lost; the first cause counts. Closing it ourselves is no cause. */
  let lost: string | null = null;
  let closedByUs = false;
  if (config.kind === "stdio") {
    const started = await start(config, variables, surroundings);
    server = started;
    transport = makeStdioTransport(started, {
      onClose: () => {
        closedByUs = true;
      },
      onGarbage: (error) => {
        lost ??= `said something that is no message: ${firstLine(error.message, 300)}`;
      },
    });
    void started.ended.then((how) => {
      const last = started.stderr().trim().split("\n").at(-1) ?? "";
      const words = `has ended (${[how, firstLine(last, 300)].filter(Boolean).join(": ")})`;
      if (!closedByUs) lost ??= words;
    });
  } else {
    const http = openHttpTransport(config, variables, surroundings.fetch ?? fetch);
    transport = http as Transport; // its optional properties are typed less strictly than ours
  }
  const trouble = async (error: unknown, timeoutMs: number) => {
    // A server whose stdin is closed is about to end; its exit gives the reason.
    if (server && !server.stdin.writable) await server.stop();
    return new ServerTrouble(hideSecrets(lost ?? explainTrouble(error, timeoutMs)));
  };
  const client = new Client(
    { name: "deputy", version: "1" },
    {
      listMaxPages: 8,
      // On a pipe, the new protocol's negotiation would end some older servers.
      versionNegotiation: { mode: server ? "legacy" : "auto" },
      // Structured answers go to the model unchecked: compiling a server's schema is not worth it.
      jsonSchemaValidator: {
        getValidator: () => (data) => ({
          valid: true,
          data: data as never,
          errorMessage: undefined,
        }),
      },
    },
  );
  const close = async () => {
    await client.close().catch(() => {}); // it may be closed already
    await server?.stop();
  };
  const timeout = config.startTimeoutMs;
  const signal = AbortSignal.any([surroundings.signal, AbortSignal.timeout(timeout)]);
  try {
    await client.connect(transport, { timeout, signal });
    const { tools } = await client.listTools(undefined, { timeout, signal });
    return {
      config,
      tools,
      hideSecrets,
      close,
      async call(name, input, callSignal) {
        if (lost !== null) throw await trouble(null, 0);
        const limit = { timeout: config.callTimeoutMs, signal: callSignal };
        try {
          return await client.callTool({ name, arguments: input }, limit);
        } catch (error) {
          throw await trouble(error, config.callTimeoutMs);
        }
      },
    };
  } catch (error) {
    const said = await trouble(error, timeout);
    await close();
    throw said;
  }
}

/** Also returns the parts: in `Bearer TOKEN` only the second word is secret. */
function withItsParts(value: string): string[] {
  return [value, ...value.split(/\s+/).filter((part) => part.length >= 12)];
}

/** The values of the configured variables, by variable name for a program, by header for a URL. */
function readVariables(
  config: McpServerConfig,
  { readVariable }: ServerSurroundings,
): Record<string, string> {
  const wanted =
    config.kind === "stdio"
      ? config.env.map((name) => [name, name] as const)
      : Object.entries(config.headersFromEnv);
  return Object.fromEntries(
    wanted.map(([key, name]) => {
      const value = readVariable(name);
      if (value === undefined) {
        throw new ServerTrouble(`wants the environment variable ${name}, which is not set`);
      }
      return [key, value];
    }),
  );
}

async function start(
  { command, args }: Extract<McpServerConfig, { kind: "stdio" }>,
  variables: Record<string, string>,
  { cwd, env, spawn }: ServerSurroundings,
): Promise<PipedProcess> {
  try {
    return await spawn({ argv: [command, ...args], cwd, env: { ...env, ...variables } });
  } catch (error) {
    throw new ServerTrouble(`cannot be started: ${(error as Error).message}`);
  }
}
