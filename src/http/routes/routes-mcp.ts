import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { toAttentionWire } from "../../api/attention.ts";
import { toTaskWire } from "../../api/task/task.ts";
import { toTaskDetailWire, toTaskListWire } from "../../api/task/task-detail.ts";
import { whyWire } from "../../api/task/why.ts";
import { toWire } from "../../api/to-wire.ts";
import { DeputyError } from "../../core/base/error.ts";
import { type TaskInput, taskInputSchema } from "../../core/task/task.ts";
import { type Redact, redactDeep } from "../../core/text/redact.ts";
import type { DeputyApi } from "../../mcp/deputy-api.ts";
import { hashBody } from "../hash-body.ts";
import { type Log, reportFailure, toProblem } from "../problem.ts";
import type { Service } from "../service.ts";
import { noSubject } from "./routes-tasks.ts";

/**
 * The tools for other agents at /mcp, behind the same host guard and token as the rest. Bodies are
 * passed to the MCP SDK unparsed: it reports invalid JSON by its own protocol, and the tools
 * validate the rest. The SDK is loaded by the first request; most daemons never get one.
 */
export function mcpRoute(
  service: Service,
  { version, log, redact }: { version: string; log: Log; redact: Redact },
): FastifyPluginAsync {
  return async (app) => {
    let opening: ReturnType<typeof open> | null = null;
    app.removeContentTypeParser("application/json");
    app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
      if (isUtf8(body as Buffer)) done(null, body);
      else done(new DeputyError("invalid_input", "The body is not valid UTF-8."), undefined);
    });
    app.addHook("preClose", async () => (await opening)?.close());
    app.route({
      method: ["GET", "POST", "DELETE"],
      url: "/mcp",
      bodyLimit: maxBodyBytes,
      schema: { hide: true },
      handler: async (request, reply) => {
        opening ??= open(makeApi(service, log, redact), version);
        return reply.send(await (await opening).answer(toWebRequest(request)));
      },
    });
  };
}

const maxBodyBytes = 8 * 1024 * 1024;

async function open(api: DeputyApi, version: string) {
  const { openMcpOverHttp } = await import("../../mcp/serve-http.ts");
  return openMcpOverHttp({ api, defaultRepository: null, version, maxBodyBytes });
}

function toWebRequest({ method, raw, body }: FastifyRequest): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw.headers)) {
    // The token was already checked and must not be passed on.
    if (value !== undefined && name !== "authorization") headers.set(name, String(value));
  }
  return new Request("http://localhost/mcp", {
    method,
    headers,
    ...(body instanceof Buffer && { body: new Uint8Array(body) }),
  });
}

/** These answers bypass the server's serializer, so they are redacted here. */
function makeApi(service: Service, log: Log, redact: Redact): DeputyApi {
  const clean = <Value>(value: Value) => redactDeep(value, redact);
  return {
    submit: async (body, key) => {
      const input: TaskInput = taskInputSchema.parse(body);
      const idempotency = key === null ? null : { key, bodyHash: hashBody(input) };
      const { task } = await service.submit(input, { source: "http", ...noSubject }, idempotency);
      return clean(toTaskWire(task));
    },
    list: async (limit) => {
      const all = {
        states: [],
        search: null,
        repository: null,
        sort: "new",
        cursor: null,
      } as const;
      return clean(toTaskListWire(await service.list({ ...all, limit })));
    },
    attention: async () => clean(toAttentionWire(await service.attention())),
    show: async (id) => clean(toTaskDetailWire(await service.show(id))),
    why: async (id) => clean(toWire(whyWire, await service.why(id))),
    answer: async (id, answer, questionId) =>
      clean(toTaskWire(await service.answer(id, answer, questionId, "agent"))),
    receipt: async (id) => (await service.receipt(id)).markdown,
    cancel: async (id) => clean(toTaskWire(await service.cancel(id))),
    explain: (error) =>
      redact(
        toProblem(error)?.detail ??
          reportFailure(error, { id: randomUUID(), method: "POST", url: "/mcp" }, log).detail,
      ),
  };
}
