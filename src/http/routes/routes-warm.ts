import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { toWire } from "../../api/to-wire.ts";
import { warmBody, warmWire } from "../../api/warm.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";

/** Preparing a repository before a task needs it. */
export function warmRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      "/v1/warm",
      {
        schema: {
          operationId: "warmRepository",
          tags: ["daemon"],
          summary: "Run a repository's setup now, so that no worktree has to wait for it",
          description:
            "Answers within seconds. While setup runs, the state is `making`; the same request joins it and tells the result.",
          body: warmBody,
          response: {
            200: json("How far it is prepared.", warmWire),
            ...problems(400, 401, 409, 413, 415, 422, 503),
          },
        },
      },
      async ({ body }) =>
        toWire(warmWire, await service.warm(body.repository, body.base?.trim() || null)),
    );
  };
}
