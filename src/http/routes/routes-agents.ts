import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { agentsWire } from "../../api/daemon.ts";
import { toWire } from "../../api/to-wire.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";

/** The agents on the daemon's machine. Listing them is free: no model is called. */
export function agentRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/v1/agents",
      {
        schema: {
          operationId: "listAgents",
          tags: ["daemon"],
          summary:
            "The agents that are installed, whether they can work, the limits of their providers, and the processes with their slots",
          response: {
            200: json("The agents.", agentsWire),
            ...problems(401),
          },
        },
      },
      async () => toWire(agentsWire, await service.agents()),
    );
  };
}
