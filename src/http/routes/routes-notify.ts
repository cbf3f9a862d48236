import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { pressWire, testedPushWire } from "../../api/phone.ts";
import { toWire } from "../../api/to-wire.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";

/** Tries the way to a person's phone, and the way back. */
export function notifyRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      "/v1/notify/test",
      {
        schema: {
          operationId: "testPush",
          tags: ["daemon"],
          summary: "Send a test push on each channel",
          response: {
            200: json("What each channel said.", testedPushWire),
            ...problems(401, 409),
          },
        },
      },
      async () => toWire(testedPushWire, await service.testPush()),
    );

    app.get(
      "/v1/notify/test/:id",
      {
        schema: {
          operationId: "findPress",
          tags: ["daemon"],
          summary: "Whether the button of a test push was pressed, and when",
          params: z.object({ id: z.string().max(64) }),
          response: { 200: json("When.", pressWire), ...problems(401, 404) },
        },
      },
      async ({ params }) => toWire(pressWire, { pressedAt: await service.findPress(params.id) }),
    );
  };
}
