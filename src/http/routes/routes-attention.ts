import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { attentionWire, toAttentionWire } from "../../api/attention.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";

/** What needs a person: the same list for every surface. */
export function attentionRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/v1/attention",
      {
        schema: {
          operationId: "listAttention",
          tags: ["daemon"],
          summary:
            "What needs you: open questions, work to accept, failures, Deputy's own troubles",
          response: { 200: json("What needs you.", attentionWire), ...problems(401, 503) },
        },
      },
      async () => toAttentionWire(await service.attention()),
    );
  };
}
