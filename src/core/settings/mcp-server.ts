import { z } from "zod";

/**
 * A tool server (Model Context Protocol) for the builtin agent, as a person configured it: a
 * program started for each attempt, or a URL. Secrets are named, never written: the values come
 * from the daemon's environment when the server is opened.
 */
export type McpServerConfig = {
  /** Unique; tools are called `mcp__NAME__TOOL`. */
  name: string;
  /** An attempt does not start without it. */
  required: boolean;
  startTimeoutMs: number;
  /** For one tool call. */
  callTimeoutMs: number;
} & (
  | {
      kind: "stdio";
      command: string;
      args: string[];
      /** Names of the daemon's variables that the program gets. */
      env: string[];
    }
  | {
      kind: "http";
      url: string;
      /** Header name to the name of the variable that holds its value. */
      headersFromEnv: Record<string, string>;
    }
);

const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "must be the name of an environment variable" });

const common = {
  required: z.boolean().default(false),
  start_timeout_s: z.number().positive().max(300).default(20),
  call_timeout_s: z.number().positive().max(3_600).default(120),
};

const stdioServer = z.strictObject({
  ...common,
  command: z.string().min(1).max(4_096),
  args: z.array(z.string().max(10_000)).max(100).default([]),
  env: z.array(variable).max(50).default([]),
});

const httpServer = z.strictObject({
  ...common,
  url: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }),
  headers_from_env: z.record(z.string().regex(/^[\w-]+$/), variable).default({}),
});

const serverName = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/, {
  error: "must be 1 to 24 lower-case letters, digits and hyphens",
});

/** `mcp_servers:` of a configuration, by name; `command` means a program, `url` an address. */
export const mcpServersSchema = z
  .record(serverName, z.union([stdioServer, httpServer]))
  .transform((servers) =>
    Object.entries(servers).map(([name, server]): McpServerConfig => {
      const { required, start_timeout_s, call_timeout_s } = server;
      const base = {
        name,
        required,
        startTimeoutMs: start_timeout_s * 1_000,
        callTimeoutMs: call_timeout_s * 1_000,
      };
      return "url" in server
        ? { ...base, kind: "http", url: server.url, headersFromEnv: server.headers_from_env }
        : { ...base, kind: "stdio", command: server.command, args: server.args, env: server.env };
    }),
  );
