import { type Command, Option } from "commander";
import type { z } from "zod";
import { attentionWire } from "../../api/attention.ts";
import type { Lenient } from "../../api/lenient.ts";
import { taskWire } from "../../api/task/task.ts";
import { taskDetailWire, taskListWire } from "../../api/task/task-detail.ts";
import { whyWire } from "../../api/task/why.ts";
import type { DeputyApi } from "../../mcp/deputy-api.ts";
import type { Actions } from "../actions.ts";
import { connect, taskPath } from "../client.ts";
import { findCheckout } from "../find-repository.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import type { Json } from "./commands-look.ts";

/**
 * `deputy mcp`: the tools for other agents on stdin and stdout, as a client of the HTTP API like
 * every other verb. If the daemon is away each tool says so; it is found again once it is back.
 */
export function addMcpVerbs(
  program: Command,
  io: CliIo,
  actions: Pick<Actions, "installMcp">,
  end: (work: Promise<ExitCode>) => Promise<void>,
): void {
  const mcp = program
    .command("mcp")
    .description("offer Deputy's tools to another agent over stdio (Model Context Protocol)")
    .action(() => end(serveMcp(io, program.version() ?? "")));
  mcp
    .command("install")
    .description("register them with the agents that are installed here: claude, codex")
    .addOption(new Option("--client <name>", "only this one").choices(["claude", "codex"]))
    .option("--print", "print what to put into their configuration, and change nothing")
    .option("--json", "print JSON for programs")
    .action((options: Json & { client?: "claude" | "codex"; print?: boolean }) =>
      end(
        actions.installMcp({
          json: options.json === true,
          client: options.client ?? null,
          print: options.print === true,
        }),
      ),
    );
}

async function serveMcp(io: CliIo, version: string): Promise<ExitCode> {
  const { serveMcpOverStdio } = await import("../../mcp/serve-stdio.ts");
  await serveMcpOverStdio(
    { api: makeApi(io), defaultRepository: findCheckout(io.cwd), version },
    { stdin: io.stdin, stdout: io.stdout },
  );
  return exitCodes.ok;
}

function makeApi(io: CliIo): DeputyApi {
  // Connect for each request: a restarted daemon may listen elsewhere.
  const ask = async <Schema extends z.ZodType>(
    schema: Schema,
    method: "GET" | "POST",
    path: string,
    options: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Lenient<Schema>> => {
    // Marks the caller as an agent, so that the daemon refuses decisions that a person has to make.
    const headers = { ...options.headers, "deputy-client": "mcp" };
    return (await connect(io).json(schema, method, path, { ...options, headers })).value;
  };
  return {
    submit: (body, key) =>
      ask(taskWire, "POST", "/v1/tasks", {
        body,
        ...(key !== null && { headers: { "idempotency-key": key } }),
      }),
    list: (limit) => ask(taskListWire, "GET", `/v1/tasks?limit=${limit}`),
    attention: () => ask(attentionWire, "GET", "/v1/attention"),
    show: (id) => ask(taskDetailWire, "GET", taskPath(id)),
    why: (id) => ask(whyWire, "GET", taskPath(id, "/why")),
    answer: (id, answer, questionId) =>
      ask(taskWire, "POST", taskPath(id, "/answer"), {
        body: { answer, question_id: questionId },
      }),
    receipt: async (id) => connect(io).text(taskPath(id, "/receipt?format=md"), "text/markdown"),
    cancel: (id) => ask(taskWire, "POST", taskPath(id, "/cancel")),
    explain: (error) => {
      if (error instanceof CliError) return error.message;
      io.stderr.write(`deputy: ${error instanceof Error ? error.stack : error}\n`);
      return "Something went wrong inside deputy mcp; its stderr says more.";
    },
  };
}
