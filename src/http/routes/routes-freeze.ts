import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { freezeBody, frozenWire } from "../../api/freeze.ts";
import { toWire } from "../../api/to-wire.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";

/** The brake on everything: freeze, thaw, and whether it is frozen. */
export function freezeRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/v1/freeze",
      {
        schema: {
          operationId: "readFreeze",
          tags: ["daemon"],
          summary: "Whether Deputy is frozen, since when and why",
          response: { 200: json("The freeze, or null.", frozenWire), ...problems(401) },
        },
      },
      async () => toWire(frozenWire, await service.readFreeze()),
    );

    app.post(
      "/v1/freeze",
      {
        schema: {
          operationId: "freeze",
          tags: ["daemon"],
          summary: "Stop all spending: nothing starts, and what runs is parked",
          description:
            "Holds across restarts, for all processes. A merge or a delivery under way ends. New tasks are accepted and wait. A second freeze changes nothing.",
          body: freezeBody,
          response: { 200: json("It is frozen.", frozenWire), ...problems(400, 401, 413, 415) },
        },
      },
      async ({ body }) => toWire(frozenWire, await service.freeze(body.reason?.trim() ?? null)),
    );

    app.post(
      "/v1/thaw",
      {
        schema: {
          operationId: "thaw",
          tags: ["daemon"],
          summary: "End the freeze; work continues where it stopped",
          response: { 200: json("It is thawed.", frozenWire), ...problems(401, 409) },
        },
      },
      async () => toWire(frozenWire, await service.thaw()),
    );
  };
}
