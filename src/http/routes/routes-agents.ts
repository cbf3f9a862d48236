import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";

const agentWire = z.object({
  name: z.string(),
  path: z.string().nullable(),
  version: z.string().nullable(),
  access: z.enum(["key", "login", "none"]),
  usable: z.boolean(),
  detail: z.string(),
  is_default: z.boolean(),
});

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
            "The agents that are installed, whether they can work, and which one is the default",
          response: {
            200: json("The agents.", z.object({ agents: z.array(agentWire) })),
            ...problems(401),
          },
        },
      },
      async () => ({
        agents: (await service.agents()).map(({ isDefault, ...agent }) => ({
          ...agent,
          is_default: isDefault,
        })),
      }),
    );
  };
}
