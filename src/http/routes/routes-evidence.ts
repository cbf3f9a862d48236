import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { logPartWire } from "../../api/task/log.ts";
import { toWire } from "../../api/to-wire.ts";
import { DeputyError } from "../../core/base/error.ts";
import { problems } from "../openapi.ts";
import type { Service } from "../service.ts";
import { taskParams } from "../task-id.ts";

/** Evidence of the work: the diff, the receipt, the log. */
export function evidenceRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/v1/tasks/:id/diff",
      {
        schema: {
          operationId: "diffTask",
          tags: ["tasks"],
          summary: "The change as a unified diff",
          params: taskParams,
          response: {
            200: {
              description: "A unified diff.",
              content: { "text/x-diff": { schema: z.string() } },
            },
            ...problems(400, 401, 404),
          },
        },
      },
      async ({ params }, reply) => {
        const diff = await service.diff(params.id);
        return reply.type("text/x-diff; charset=utf-8").send(diff);
      },
    );

    app.get(
      "/v1/tasks/:id/receipt",
      {
        schema: {
          operationId: "readReceipt",
          tags: ["tasks"],
          summary: "The evidence that is handed over with the work",
          description: "JSON, or Markdown with Accept: text/markdown or ?format=md.",
          params: taskParams,
          querystring: z.strictObject({ format: z.enum(["json", "md"]).optional() }),
          response: {
            200: {
              description: "The receipt.",
              content: {
                "application/json": { schema: z.unknown() },
                "text/markdown": { schema: z.string() },
              },
            },
            ...problems(400, 401, 404, 406),
          },
        },
      },
      async ({ params, query, headers }, reply) => {
        const format = query.format ?? preferredFormat(headers.accept);
        const receipt = await service.receipt(params.id);
        return format === "md"
          ? reply.type("text/markdown; charset=utf-8").send(receipt.markdown)
          : reply.type("application/json; charset=utf-8").send(receipt.json);
      },
    );

    app.get(
      "/v1/tasks/:id/log",
      {
        schema: {
          operationId: "readLog",
          tags: ["tasks"],
          summary: "The end of an attempt's log, or a part of it",
          params: taskParams,
          querystring: z.strictObject({
            attempt: z.coerce
              .number()
              .int()
              .min(1)
              .optional()
              .describe("Its number, which each subtask counts by itself; the latest if left out."),
            subtask: z.string().optional().describe("The key of a subtask; any if left out."),
            tail_bytes: z.coerce
              .number()
              .int()
              .min(1)
              .max(8 * 1024 * 1024)
              .default(64 * 1024),
            format: z.enum(["text", "json"]).default("text"),
            from: z.coerce
              .number()
              .int()
              .optional()
              .describe("Of JSON: where to begin, in bytes; negative: from the end."),
            bytes: z.coerce
              .number()
              .int()
              .min(64)
              .max(1024 * 1024)
              .default(256 * 1024)
              .describe("Of JSON: so many, and the rest of a line that is longer."),
          }),
          response: {
            200: {
              description: "Plain text; or a part of it as JSON, whose `to` is where to go on.",
              content: {
                "text/plain": { schema: z.string() },
                "application/json": { schema: logPartWire },
              },
            },
            ...problems(400, 401, 404),
          },
        },
      },
      async ({ params, query }, reply) => {
        const { attempt = null, bytes, subtask = null, tail_bytes: maxBytes } = query;
        if (query.format === "json" || query.from !== undefined) {
          const { from = 0 } = query;
          const part = await service.logPart(params.id, { attempt, subtask, from, bytes });
          return reply.type("application/json; charset=utf-8").send(toWire(logPartWire, part));
        }
        const log = await service.log(params.id, { attempt, subtask, maxBytes });
        return reply.type("text/plain; charset=utf-8").send(log);
      },
    );
  };
}

/** The format of the first known type in Accept; JSON if anything is accepted. */
function preferredFormat(accept: string | undefined): "json" | "md" {
  for (const part of (accept ?? "*/*").split(",")) {
    const type = part.split(";")[0]?.trim().toLowerCase();
    if (type === "text/markdown" || type === "text/*") return "md";
    if (type === "application/json" || type === "application/*" || type === "*/*") return "json";
  }
  throw new DeputyError(
    "not_acceptable",
    "A receipt comes as application/json or as text/markdown.",
  );
}
